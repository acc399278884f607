using Slowrun.Storage.Checkpoints;
using Slowrun.Training.Stages;

namespace Slowrun.Grains.Stages;

/// <summary>The inputs of a stage, and the open files of some of them: to be disposed after the training.</summary>
/// <param name="Data">Held while the stage trains, so that other stages share it.</param>
internal sealed record LoadedStage(StageInputs Inputs, LoadedData Data, IReadOnlyList<SnapshotWeights> Files) : IDisposable
{
    /// <summary>What was found wrong with a file while the stage trained; null: nothing.</summary>
    public string? Damage => Files.Select(file => file.Damage).FirstOrDefault(damage => damage is not null);

    public void Dispose()
    {
        foreach (var file in Files)
        {
            file.Dispose();
        }
    }
}
