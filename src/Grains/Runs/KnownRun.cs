using System.Text;
using Slowrun.Core;
using Slowrun.Core.Plan;
using Slowrun.Core.Recipes;
using Slowrun.Core.Stages;
using Slowrun.Grains.Interfaces;

namespace Slowrun.Grains.Runs;

/// <summary>What this silo knows of a run from the run grain's answers.</summary>
internal sealed class KnownRun
{
    private readonly Dictionary<StageId, StageRoot> roots = [];
    private readonly Dictionary<string, MemberScore> scores = new(StringComparer.Ordinal);
    private readonly Dictionary<string, MemberScore> fitness = new(StringComparer.Ordinal);
    private readonly Dictionary<string, EnsembleScore> ensembles = new(StringComparer.Ordinal);
    private JudgingFailures failures = new();
    private IReadOnlyList<DocumentDamage> damage = [];
    private OrdersNews? orders;
    private RunSpec? spec;
    private RunPlan? plan;

    /// <summary>Null: there was no answer yet.</summary>
    public NewsVersion? Version { get; private set; }

    /// <summary>Whether the reader has met a document of a version that is newer than its own.</summary>
    public bool IsOfANewerVersion => damage.Any(one => one.IsNewer);

    /// <exception cref="InvalidDataException">The spec is of a newer version, which this one does not understand.</exception>
    /// <exception cref="InvalidOperationException">The answer builds on one that this silo does not have.</exception>
    public void Take(RunNews news)
    {
        if (news.IsWhole)
        {
            roots.Clear();
            (failures, damage, orders, Version) = (new JudgingFailures(), [], null, null);
        }
        else if (news.Version.Reader != Version?.Reader)
        {
            throw new InvalidOperationException("The run grain's answer builds on a version that this silo does not have.");
        }

        if (news.Orders is not null)
        {
            orders = news.Orders;
            spec = CanonicalJson.Deserialize<RunSpec>(Encoding.UTF8.GetBytes(orders.Spec), "spec");
            plan = new RunPlan(spec.Recipe);
        }

        foreach (var stage in news.RootsGone)
        {
            roots.Remove(stage);
        }

        foreach (var (stage, root) in news.Roots)
        {
            roots[stage] = root;
        }

        if (news.Judging is { } judging)
        {
            if (judging.IsWhole)
            {
                scores.Clear();
                fitness.Clear();
                ensembles.Clear();
            }

            foreach (var score in judging.Scores)
            {
                scores[NewsDesk.KeyOf(score)] = score;
            }

            foreach (var score in judging.FitnessScores)
            {
                fitness[NewsDesk.KeyOf(score)] = score;
            }

            foreach (var ensemble in judging.Ensembles)
            {
                ensembles[NewsDesk.KeyOf(ensemble)] = ensemble;
            }

            failures = judging.Failures;
        }

        damage = news.Damage ?? damage;
        Version = news.Version;
    }

    /// <param name="alive">Silos that this one holds for alive.</param>
    public RunFacts Facts(IReadOnlySet<string> alive) =>
        new(spec!, plan!)
        {
            Intent = orders!.Intent,
            SubmittedAt = orders.SubmittedAt,
            Roots = new Dictionary<StageId, StageRoot>(roots),
            Scores = [.. scores.Values],
            FitnessScores = [.. fitness.Values],
            Ensembles = [.. ensembles.Values],
            Judging = failures,
            Damage = damage,
            AliveSilos = alive,
        };
}
