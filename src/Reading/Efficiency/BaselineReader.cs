using Slowrun.Core.Efficiency;
using Slowrun.Core.Plan;
using Slowrun.Core.Recipes;
using Slowrun.Core.Stages;
using Slowrun.Reading.Runs;
using Slowrun.Storage.Runs;

namespace Slowrun.Reading.Efficiency;

/// <summary>Reads what baselines, and a run's models, came to on the validation set.</summary>
public sealed class BaselineReader(RunReader reader)
{
    /// <summary>How far a baseline is; null: it is not in the store.</summary>
    public async Task<RunState?> StateAsync(string baseline, CancellationToken stop) =>
        await reader.TryFactsAsync(baseline, stop) is { } facts ? Readiness.StateOf(facts) : null;

    /// <summary>A baseline's result; null where it is not trained and judged yet.</summary>
    /// <exception cref="InvalidDataException">Its probabilities are missing or damaged.</exception>
    public async Task<BaselineResult?> TryReadAsync(BaselineCandidate candidate, RunSpec spec, CancellationToken stop)
    {
        ArgumentNullException.ThrowIfNull(candidate);
        ArgumentNullException.ThrowIfNull(spec);
        if (await reader.TryFactsAsync(spec.Name, stop) is not { } facts || Readiness.StateOf(facts) != RunState.Succeeded)
        {
            return null;
        }

        var id = facts.Plan.Stages[0].Id;
        var score = facts.ScoreOf(id)!;
        return new BaselineResult(
            candidate,
            spec.Name,
            facts.FitnessScoreOf(id)?.LossNats,
            score.LossNats,
            (await BlocksAsync(spec.Name, [score], stop))[0]
        );
    }

    /// <summary>
    /// A finished run's members, the ensembles of its first 1, 2, … of them, the one that it selected, and the models that were distilled
    /// of it and judged on the same text.
    /// </summary>
    /// <exception cref="InvalidDataException">Probabilities are missing or damaged.</exception>
    public async Task<IReadOnlyList<JudgedModel>> ModelsAsync(RunFacts facts, CancellationToken stop)
    {
        ArgumentNullException.ThrowIfNull(facts);
        var members = facts.ScoredMembers;
        var scores = members.Select(id => facts.ScoreOf(id)!).ToList();
        var models = new List<JudgedModel>();
        using (var vectors = await VectorsAsync(facts.Spec.Name, scores, stop))
        {
            models.AddRange(
                members.Select((id, i) => new JudgedModel(Name(facts, id), scores[i].LossNats, vectors.Blocks(i)) { Members = 1 })
            );
            models.AddRange(Ensembles(facts, members, vectors));
        }

        var students = await Student.OfAsync(reader, facts.Spec.Name, skipUnreadable: true, stop);
        foreach (var student in students.Where(student => student.Finished))
        {
            models.AddRange(await StudentAsync(student.Run, scores[0].SetSha256, stop));
        }

        return models;
    }

    /// <summary>What imported weights were trained on is not known, so that their name says it of them.</summary>
    private static string Name(RunFacts facts, StageId id) => facts.Plan[id].ImportedSha256 is null ? id.ToString() : $"{id}, imported";

    private static IEnumerable<JudgedModel> Ensembles(RunFacts facts, IReadOnlyList<StageId> members, Vectors vectors)
    {
        var ensemble = facts.EnsembleOf(members);
        if (facts.Spec.Recipe.Ensemble.Average == EnsembleAverage.Logits)
        {
            // Of averaged logits no probabilities are kept.
            return (ensemble?.Running ?? []).Select((loss, i) => new JudgedModel(Name(i + 1), loss, null) { Members = i + 1 }).Skip(1);
        }

        return ensemble?.Weights is { } weights
            ? vectors.Running(Name).Append(vectors.Mixed($"ensemble, {weights.Count(weight => weight > 0)} selected", weights))
            : vectors.Running(Name);

        static string Name(int n) => $"ensemble of {n}";
    }

    private async Task<IEnumerable<JudgedModel>> StudentAsync(string run, string setSha256, CancellationToken stop)
    {
        var facts = await reader.FactsAsync(run, stop);
        var taught = facts
            .Plan.Stages.Where(stage => stage.TeacherEnsemble is not null && facts.ScoreOf(stage.Id)?.SetSha256 == setSha256)
            .Select(stage => facts.ScoreOf(stage.Id)!)
            .ToList();
        var blocks = await BlocksAsync(run, taught, stop);
        return taught.Select((score, i) => new JudgedModel($"distilled: {run}", score.LossNats, blocks[i]));
    }

    private async Task<IReadOnlyList<LossBlocks>> BlocksAsync(string run, IReadOnlyList<MemberScore> scores, CancellationToken stop)
    {
        using var vectors = await VectorsAsync(run, scores, stop);
        return [.. scores.Select((_, i) => vectors.Blocks(i))];
    }

    private async Task<Vectors> VectorsAsync(string run, IReadOnlyList<MemberScore> scores, CancellationToken stop) =>
        new(await Task.Run(() => new ScoreVectors(reader.Store, run).OpenAsync(scores, cancellationToken: stop), stop));
}
