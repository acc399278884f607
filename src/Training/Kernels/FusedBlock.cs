using Slowrun.Training.Models;

namespace Slowrun.Training.Kernels;

/// <summary>One layer of <see cref="FusedWeights"/>, with the shapes of <see cref="BlockWeights"/>.</summary>
internal sealed record FusedBlock
{
    public required Matrix QueryKeyValue { get; init; }

    public required Matrix AttentionOutput { get; init; }

    public required Matrix AttentionGate { get; init; }

    public required Matrix? ValueGate { get; init; }

    public required Matrix? ValueProjection { get; init; }

    public required Matrix MlpInput { get; init; }

    public required Matrix MlpOutput { get; init; }
}
