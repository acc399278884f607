using System.Globalization;
using Slowrun.Client.Cli;
using Slowrun.Core;
using Slowrun.Core.Plan;
using Slowrun.Core.Recipes;
using Slowrun.Core.Selection;
using Slowrun.Core.Stages;
using Slowrun.Storage;

namespace Slowrun.Client.Results;

/// <summary>Chooses members and weights by the user's options, from a run's stored scores; no model runs.</summary>
internal sealed class MixtureChooser(ClientContext context, IObjectStore store, RunFacts facts)
{
    private string Run => facts.Spec.Name;

    private MemberSelectionRecipe? Selection => facts.Spec.Recipe.Ensemble.Selection;

    /// <exception cref="NotPossibleException">No such mixture can be made now; what to do.</exception>
    /// <exception cref="InvalidRequestException">More members are to be selected than there are, or fewer than one.</exception>
    /// <exception cref="InvalidDataException">A vector is damaged.</exception>
    public async Task<ChosenMixture> ChooseAsync(MixtureRequest request, CancellationToken stop)
    {
        var members = request.Members.Count > 0 ? request.Members : Scored();
        if (members.FirstOrDefault(id => facts.ScoreOf(id) is null) is var missing && members.Any(id => facts.ScoreOf(id) is null))
        {
            var why = facts.RootOf(missing).Finished ? "is not scored yet: a silo does that" : "has not finished";
            throw new NotPossibleException(
                $"'{Run}/{missing}' {why}, so there is nothing to mix of it. 'slowrun status {Run}' shows how far it is."
            );
        }

        return request.Select is { } k ? await SelectedAsync(members, k, stop)
            : request.IsOwn ? Own(members)
            : Mixed(members, _ => 1);
    }

    /// <summary>The run's members that are scored.</summary>
    private IReadOnlyList<StageId> Scored()
    {
        if (!facts.Plan.HasMembers)
        {
            throw new NotPossibleException($"All chains of '{Run}' are baselines, which are not mixed. --members mixes those you name.");
        }

        var (scored, all) = (facts.ScoredMembers, facts.Plan.Members.Count());
        if (scored.Count == 0)
        {
            throw new NotPossibleException(
                $"No member of '{Run}' is scored yet, so there is nothing to mix. 'slowrun status {Run}' shows how far it is."
            );
        }

        if (scored.Count < all)
        {
            context.Error.WriteLine(
                string.Create(CultureInfo.InvariantCulture, $"{scored.Count} of {all} members are scored; the others are left out.")
            );
        }

        return scored;
    }

    private ChosenMixture Own(IReadOnlyList<StageId> members)
    {
        if (Selection is null || facts.Spec.Recipe.Ensemble.Average == EnsembleAverage.Logits)
        {
            return Mixed(members, _ => 1);
        }

        var weights =
            facts.EnsembleOf(members)?.Weights
            ?? throw new NotPossibleException(
                $"'{Run}' selects its members, and has not done so for those that are scored now: a silo does that. Meanwhile --select K selects here, and --members mixes those you name."
            );
        return Mixed(members, index => weights[index]);
    }

    private async Task<ChosenMixture> SelectedAsync(IReadOnlyList<StageId> members, int k, CancellationToken stop)
    {
        if (k < 1 || k > members.Count)
        {
            throw new InvalidRequestException(
                string.Create(
                    CultureInfo.InvariantCulture,
                    $"--select {k} of {members.Count} {(members.Count == 1 ? "member" : "members")}; expected 1 to {members.Count}."
                )
            );
        }

        if (facts.Spec.Recipe.Ensemble.Average == EnsembleAverage.Logits)
        {
            throw new NotPossibleException(
                $"'{Run}' averages logits (ensemble.average), and --select learns the weights of a mixture of probabilities. --members chooses without weights."
            );
        }

        var scores = new List<MemberScore>();
        foreach (var id in members)
        {
            scores.Add(facts.FitnessScoreOf(id) ?? throw NoFitness(id));
        }

        var steps = (Selection ?? new MemberSelectionRecipe()).Steps;
        var (opened, stepped) = (0, 0);
        await using var remarks = new Remarks(
            context,
            () =>
                stepped > 0
                    ? string.Create(CultureInfo.InvariantCulture, $"Learning weights of {members.Count} members: step {stepped} of {steps}")
                    : string.Create(CultureInfo.InvariantCulture, $"Reading the fitness scores: {opened} of {members.Count}")
        );
        using var fitness = await OpenedVectors.OpenAsync(store, Run, scores, n => opened = n, stop);
        var fitted = await Task.Run(
            () =>
                GradientSelection.Fit(
                    fitness.P,
                    facts.Spec.Recipe.Seed,
                    steps,
                    (step, _, _) =>
                    {
                        stepped = step;
                        stop.ThrowIfCancellationRequested();
                    },
                    Environment.ProcessorCount
                ),
            stop
        );
        var selected = GradientSelection.Top(fitted.Weights, k);
        return Mixed(members, selected.WeightOf) with
        {
            Fitted = new FittedChoice(k, steps, GradientSelection.LossNats(fitness.P, selected)),
        };
    }

    private NotPossibleException NoFitness(StageId id) =>
        Selection is null
            ? new NotPossibleException(
                $"Members of '{Run}' have no scores on a fitness set, on which --select learns: its recipe does not select members. A run with --set 'ensemble.selection={{}}' has them; "
                    + "here --members mixes those you name."
            )
            : new NotPossibleException(
                $"'{Run}/{id}' has no score on the fitness set: the recipe selects among its ensemble's members alone. Leave it out of --members."
            );

    private ChosenMixture Mixed(IReadOnlyList<StageId> members, Func<int, double> weightOf) =>
        new()
        {
            Average = facts.Spec.Recipe.Ensemble.Average,
            Members =
            [
                .. members.Select((id, index) => new ChosenMember(id, facts.RootOf(id).Snapshot!, facts.ScoreOf(id)!, weightOf(index))),
            ],
        };
}
