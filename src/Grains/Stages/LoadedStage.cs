using Slowrun.Storage.Checkpoints;
using Slowrun.Training.Stages;

namespace Slowrun.Grains.Stages;

/// <summary>What a stage trains from, and the mapped files that some of it lies in: to be disposed once the training is.</summary>
internal sealed record LoadedStage(StageInputs Inputs, IReadOnlyList<SnapshotWeights> Files) : IDisposable
{
    public void Dispose()
    {
        foreach (var file in Files)
        {
            file.Dispose();
        }
    }
}
