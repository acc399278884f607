using Microsoft.Extensions.Logging;
using Slowrun.Core.Mixtures;
using Slowrun.Core.Plan;
using Slowrun.Core.Recipes;
using Slowrun.Core.Selection;
using Slowrun.Core.Stages;
using Slowrun.Core.Tensors;
using Slowrun.Core.Tokens;
using Slowrun.Grains.Stages;
using Slowrun.Grains.Telemetry;
using Slowrun.Storage;
using Slowrun.Storage.Checkpoints;
using Slowrun.Storage.Runs;
using Slowrun.Training.Devices;
using Slowrun.Training.Evaluation;
using Slowrun.Training.Numerics;

namespace Slowrun.Grains.Members;

/// <summary>
/// Averages the members scored so far as the recipe says: probabilities from their stored vectors, one pass and no model; logits by
/// running all of them once more. The result is created if absent.
/// </summary>
internal sealed partial class EnsembleScoring(
    IObjectStore store,
    RunFactsReader reader,
    TokenSets tokens,
    TimeProvider time,
    ILogger<EnsembleScoring> log
)
{
    /// <summary>Averages the members scored so far, unless that was done.</summary>
    /// <returns>Whether there is a new result.</returns>
    /// <exception cref="InvalidDataException">The spec, a vector, a snapshot or the data are missing or damaged.</exception>
    public async Task<bool> ScoreAsync(string run, IReadOnlyList<string> slots, CancellationToken stop)
    {
        var facts = await reader.ReadAsync(run, new HashSet<string>(), stop) ?? throw new RunDocuments(store, run).SpecMissing();
        if (Readiness.EnsembleDue(facts) is not { } members)
        {
            return false;
        }

        var recipe = facts.Spec.Recipe;
        var data = await tokens.GetAsync(recipe, stop);
        var bytes = TargetBytes.Of(data.Validation!);
        using var mixing = Spans.Mixing(run, members.Count);
        var from = time.GetTimestamp();
        EnsembleScore score;
        try
        {
            score = recipe.Ensemble switch
            {
                { Average: EnsembleAverage.Logits } => await OfLogitsAsync(facts, members, data.Validation!, bytes, slots, stop),
                { Selection: { } selection } => await OfSelectionAsync(facts, members, selection, bytes, stop),
                _ => await OfProbabilitiesAsync(facts, members, bytes, stop),
            };
        }
        catch (InvalidDataException e)
        {
            if (await DropDamagedAsync(facts, members, stop))
            {
                LogDropped(log, run, e.Message);
                return false;
            }

            throw;
        }

        var made = await new RunScores(store, run).TryCreateEnsembleAsync(score, stop);
        mixing.Done();
        LogMixed(log, run, members.Count, score.LossNats, time.GetElapsedTime(from).TotalSeconds);
        return made;
    }

    private async Task<EnsembleScore> OfProbabilitiesAsync(
        RunFacts facts,
        IReadOnlyList<StageId> members,
        int[] bytes,
        CancellationToken stop
    )
    {
        var even = new RunningMixture();
        foreach (var id in members)
        {
            even.Add(await VectorAsync(facts, facts.ScoreOf(id)!, stop));
        }

        return Score(facts, members, even.LossNats, even.LossNats[^1], even.BitsPerByte(bytes));
    }

    private async Task<EnsembleScore> OfSelectionAsync(
        RunFacts facts,
        IReadOnlyList<StageId> members,
        MemberSelectionRecipe recipe,
        int[] bytes,
        CancellationToken stop
    )
    {
        var selections = await SelectionsAsync(facts, members, recipe, stop);
        var even = new RunningMixture();
        var mixtures = new ProbabilityMixture?[selections.Count];
        foreach (var (index, id) in members.Index())
        {
            var p = await VectorAsync(facts, facts.ScoreOf(id)!, stop);
            even.Add(p);
            foreach (var (s, selection) in selections.Index())
            {
                if (selection.Selected.WeightOf(index) is > 0 and var weight)
                {
                    (mixtures[s] ??= new ProbabilityMixture(p.Length)).Add(p, weight);
                }
            }
        }

        SelectionScore[] reported =
        [
            .. selections.Zip(
                mixtures,
                (selection, mixture) =>
                    new SelectionScore(selection.Size, selection.FitnessLossNats, mixture!.LossNats(), mixture.BitsPerByte(bytes))
            ),
        ];
        var best = MemberSelection.Best(selections);
        var ensemble = reported.Single(selection => selection.Size == best.Size);
        return Score(facts, members, even.LossNats, ensemble.LossNats, ensemble.BitsPerByte) with
        {
            Weights = [.. members.Select((_, index) => best.Selected.WeightOf(index))],
            Selections = reported,
        };
    }

    private async Task<IReadOnlyList<SizedSelection>> SelectionsAsync(
        RunFacts facts,
        IReadOnlyList<StageId> members,
        MemberSelectionRecipe recipe,
        CancellationToken stop
    )
    {
        var fitness = await new ScoreVectors(store, facts.Spec.Name).OpenAsync(
            [.. members.Select(id => facts.FitnessScoreOf(id)!)],
            cancellationToken: stop
        );
        try
        {
            var selections = await Task.Run(
                () =>
                    MemberSelection.OfEverySize(
                        recipe,
                        [.. fitness.Select(vector => vector.P)],
                        facts.Spec.Recipe.Seed,
                        _ => stop.ThrowIfCancellationRequested()
                    ),
                stop
            );
            // Mapped files may have been changed meanwhile: a selection from changed numbers is not kept.
            await Task.Run(() => fitness.ToList().ForEach(vector => vector.Check()), stop);
            return selections;
        }
        finally
        {
            foreach (var vector in fitness)
            {
                vector.Dispose();
            }
        }
    }

    private async Task<EnsembleScore> OfLogitsAsync(
        RunFacts facts,
        IReadOnlyList<StageId> members,
        TokenSet set,
        int[] bytes,
        IReadOnlyList<string> slots,
        CancellationToken stop
    )
    {
        var snapshots = new SnapshotStore(store, facts.Spec.Name, time);
        var models = new List<(StagePlan, IReadOnlyList<TensorData>)>();
        foreach (var id in members)
        {
            models.Add((facts.Plan[id], await snapshots.ReadAsync(facts.RootOf(id).Snapshot!.Sha256, stop)));
        }

        JudgingCheck.Set("validation", set);
        IReadOnlyList<float[]> byCount = [];
        await WorkerThread.RunAsync(
            WorkName.Mix(facts.Spec.Name),
            () => byCount = LogitEnsembleScorer.Score(models, set, new ComputeDevices(slots), stop)
        );
        JudgingCheck.Probabilities($"the {members.Count} members of {facts.Spec.Name}", "validation", byCount[^1]);
        var all = Mixture.Of([byCount[^1]]);
        return Score(facts, members, [.. byCount.Select(p => Mixture.LossNats([p]))], all.LossNats(), all.BitsPerByte(bytes));
    }

    /// <summary>Deletes scores whose vectors cannot be read, so that their members are scored again.</summary>
    private async Task<bool> DropDamagedAsync(RunFacts facts, IReadOnlyList<StageId> members, CancellationToken stop)
    {
        var scores = new RunScores(store, facts.Spec.Name);
        var any = false;
        foreach (var id in members)
        {
            foreach (var score in new[] { facts.ScoreOf(id), facts.FitnessScoreOf(id) }.OfType<MemberScore>())
            {
                try
                {
                    await scores.ReadVectorAsync(score, stop);
                }
                catch (InvalidDataException e)
                {
                    any = true;
                    await scores.DropAsync(score, stop);
                    await new RunEvents(store, facts.Spec.Name).AppendAsync(
                        new RunEvent(
                            time.GetUtcNow(),
                            EventKind.ScoreDamaged,
                            id.ToString(),
                            $"{e.Message.Split(" Delete it", 2)[0]} It was deleted, and the member is scored again."
                        ),
                        stop
                    );
                }
            }
        }

        return any;
    }

    private async Task<float[]> VectorAsync(RunFacts facts, MemberScore score, CancellationToken stop) =>
        await new RunScores(store, facts.Spec.Name).ReadVectorAsync(score, stop);

    private static EnsembleScore Score(
        RunFacts facts,
        IReadOnlyList<StageId> members,
        IReadOnlyList<double> running,
        double lossNats,
        double bitsPerByte
    ) =>
        new()
        {
            Members = [.. members.Select(id => facts.RootOf(id).Snapshot!.Sha256)],
            Running = running,
            LossNats = lossNats,
            BitsPerByte = bitsPerByte,
        };

    [LoggerMessage(
        Level = LogLevel.Warning,
        Message = "{Run}: the members could not be averaged until damaged scores are made again: {Reason}"
    )]
    private static partial void LogDropped(ILogger logger, string run, string reason);

    [LoggerMessage(
        Level = LogLevel.Information,
        Message = "{Run}: {Members} members averaged: {LossNats:F4} nats per token, in {Seconds:F1} s."
    )]
    private static partial void LogMixed(ILogger logger, string run, int members, double lossNats, double seconds);
}
