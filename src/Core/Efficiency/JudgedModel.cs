namespace Slowrun.Core.Efficiency;

/// <summary>A model, or a mixture of several, judged on a run's validation set.</summary>
/// <param name="Blocks">Null where its probabilities are not kept: it has no interval then.</param>
public sealed record JudgedModel(string Name, double LossNats, LossBlocks? Blocks)
{
    /// <summary>1: a member of the run. More: the even mixture of so many. Null: another mixture, or a model that one taught.</summary>
    public int? Members { get; init; }
}

/// <summary>A baseline that was trained and judged.</summary>
/// <param name="FitnessLossNats">What choices are made by; null: its data has no fitness set.</param>
public sealed record BaselineResult(BaselineCandidate Candidate, string Run, double? FitnessLossNats, double LossNats, LossBlocks Blocks)
{
    /// <summary>The best of a point's candidates on the fitness set.</summary>
    /// <param name="results">At least one.</param>
    public static BaselineResult Best(IReadOnlyList<BaselineResult> results)
    {
        ArgumentNullException.ThrowIfNull(results);
        return results.Count == 1 ? results[0] : results.MinBy(result => result.FitnessLossNats ?? double.PositiveInfinity)!;
    }
}
