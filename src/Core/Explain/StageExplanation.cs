using Slowrun.Core.Plan;
using Slowrun.Core.Tensors;

namespace Slowrun.Core.Explain;

/// <summary>What one stage needs of a machine.</summary>
public sealed record StageExplanation
{
    public required StageId Id { get; init; }

    public required bool Taught { get; init; }

    /// <summary>Its weights are taken over as they are: nothing is trained.</summary>
    public bool Imported { get; init; }

    public required int Steps { get; init; }

    public required int TokensPerStep { get; init; }

    /// <summary>Trained on, over all its steps.</summary>
    public required long Tokens { get; init; }

    public required StageFlops FlopsPerToken { get; init; }

    public required StageMemory MemoryBytes { get; init; }

    public required long CheckpointBytes { get; init; }

    /// <exception cref="ArgumentException">The training set is too small for one step.</exception>
    internal static StageExplanation Of(StagePlan plan, long trainTokens, Func<IReadOnlyList<TensorLayout>, long> storedBytes)
    {
        var steps = new StageSteps(plan, trainTokens);
        var state = new StateTensors(plan, steps.Steps);
        var flops = StageFlops.Of(plan, steps);
        return new StageExplanation
        {
            Id = plan.Id,
            Taught = plan.IsTaught,
            Imported = plan.ImportedSha256 is not null,
            Steps = steps.Steps,
            TokensPerStep = plan.TokensPerStep,
            Tokens = (long)steps.Steps * plan.TokensPerStep,
            FlopsPerToken = flops,
            MemoryBytes = StageMemory.Of(plan, state, Math.Max(flops.LayersFirst, flops.LayersLast)),
            CheckpointBytes = storedBytes(state.All),
        };
    }
}
