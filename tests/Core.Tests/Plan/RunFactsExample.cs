using Slowrun.Core.Plan;
using Slowrun.Core.Specs;
using Slowrun.Core.Stages;

namespace Slowrun.Core.Tests.Plan;

/// <summary>A run of preset 'tiny' (two chains of two stages) with a baseline, in whatever state a test needs.</summary>
internal sealed class RunFactsExample
{
    public static readonly DateTimeOffset Now = new(2026, 11, 1, 12, 0, 0, TimeSpan.Zero);

    private readonly Dictionary<StageId, StageRoot> roots = [];
    private readonly Dictionary<StageId, StageProgress> progress = [];
    private readonly List<MemberScore> scores = [];
    private readonly List<EnsembleScore> ensembles = [];
    private readonly HashSet<string> silos = ["silo-a"];
    private readonly List<DocumentDamage> damage = [];
    private RunIntent intent = new();
    private JudgingFailures judging = new();

    /// <summary>What is set beside the preset.</summary>
    public IReadOnlyList<string> Set { get; init; } = ["chains=[{stages: 2}, {stages: 2}, {role: Baseline, stage: {epochs: 1}}]"];

    public RunFacts Facts =>
        new(SpecReader.FromPreset("tiny", new SpecOverrides { Set = Set }))
        {
            Intent = intent,
            Roots = roots,
            Progress = progress,
            Scores = scores,
            Ensembles = ensembles,
            AliveSilos = silos,
            Judging = judging,
            Damage = damage,
        };

    public static StageId Id(string id) => StageId.TryParse(id, out var parsed) ? parsed : throw new ArgumentException(id);

    public RunFactsExample NoSilo()
    {
        silos.Clear();
        return this;
    }

    public RunFactsExample Intent(DesiredState run, params (string Stage, DesiredState State)[] stages)
    {
        intent = intent with { Run = run, Stages = stages.ToDictionary(pair => pair.Stage, pair => pair.State) };
        return this;
    }

    public RunFactsExample DamagedRoot(string stage)
    {
        roots.Remove(Id(stage));
        damage.Add(new DocumentDamage(DocumentKind.Root, $"runs/tiny/{stage}/root", "It is damaged.", "Repair it.") { Stage = Id(stage) });
        return this;
    }

    public RunFactsExample LostIntent()
    {
        intent = RunIntent.Held;
        damage.Add(new DocumentDamage(DocumentKind.Intent, "runs/tiny/intent", "'runs/tiny/intent' is damaged.", "Give it anew."));
        return this;
    }

    public RunFactsExample Retry(string stage, int number)
    {
        intent = intent with { Retries = new Dictionary<string, int> { [stage] = number } };
        return this;
    }

    public RunFactsExample Taken(
        string stage,
        int durable,
        string silo = "silo-a",
        int? reported = null,
        long reportedToken = 3,
        double since = 120
    )
    {
        roots[Id(stage)] = new StageRoot
        {
            EpochToken = 3,
            Steps = 192,
            Preemptions = 2,
            LostSteps = 5,
            Owner = new StageOwner(silo, $"name of {silo}", ["cpu:0"], Now.AddSeconds(-since)),
            Identity = Identity,
            Current = durable > 0 ? new CheckpointRef("m", "h", durable, 3, 100, Now.AddSeconds(-4)) : null,
            WrittenAt = Now.AddSeconds(-4),
        };
        if (reported is { } step)
        {
            progress[Id(stage)] = new StageProgress
            {
                Stage = stage,
                EpochToken = reportedToken,
                Activity = StageActivity.Training,
                Step = step,
                Steps = 192,
                TrainLossNats = 2.5,
                TokensPerSecond = 1000,
                At = Now.AddSeconds(-1),
            };
        }

        return this;
    }

    /// <summary>Never committed, and released by a silo that went away.</summary>
    public RunFactsExample Lost(string stage, string silo)
    {
        roots[Id(stage)] = new StageRoot
        {
            EpochToken = 1,
            Steps = 192,
            ReleasedFor = ReleaseCause.Evicted,
            WrittenAt = Now.AddMinutes(-1),
        }.Preempted(silo);
        return this;
    }

    public RunFactsExample Judging(JudgingFailures failures)
    {
        judging = failures;
        return this;
    }

    public RunFactsExample Released(string stage, int durable)
    {
        Taken(stage, durable);
        roots[Id(stage)] = roots[Id(stage)] with { Owner = null };
        return this;
    }

    public RunFactsExample Failed(string stage, int retry = 0)
    {
        Released(stage, 10);
        roots[Id(stage)] = roots[Id(stage)] with { Failure = new StageFailure("The loss is not a number.", "Lower the rate.", retry, Now) };
        return this;
    }

    public RunFactsExample Finished(params string[] stages)
    {
        foreach (var stage in stages)
        {
            Released(stage, 192);
            roots[Id(stage)] = roots[Id(stage)] with { Snapshot = new SnapshotRef("s", $"hash of {stage}", 100, Now) };
        }

        return this;
    }

    public RunFactsExample Scored(params string[] stages)
    {
        Finished(stages);
        scores.AddRange(
            stages.Select(stage => new MemberScore
            {
                SnapshotSha256 = $"hash of {stage}",
                SetSha256 = "set",
                Rows = 16,
                NumericsFingerprint = "f",
                Tokens = 100,
                LossNats = 2,
                BitsPerByte = 3,
                Vector = "v",
                VectorXxHash128 = "x",
            })
        );
        return this;
    }

    public RunFactsExample Mixed(params string[] stages)
    {
        ensembles.Add(
            new EnsembleScore
            {
                Members = [.. stages.Select(stage => $"hash of {stage}")],
                Running = [.. stages.Select((_, i) => 2.0 - (0.1 * i))],
                LossNats = 2.0 - (0.1 * (stages.Length - 1)),
                BitsPerByte = 2.5,
            }
        );
        return this;
    }

    private static StageIdentity Identity =>
        new()
        {
            RecipeSha256 = "r",
            DataSha256 = "d",
            EngineRevision = 1,
            NumericsFingerprint = "0123456789abcdef",
        };
}
