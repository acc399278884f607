using Slowrun.Storage.Checkpoints;
using Slowrun.Training.Stages;

namespace Slowrun.Grains.Stages;

/// <summary>What a stage trains from, and the files that some of it is read from: to be disposed once the training is.</summary>
/// <param name="Data">Held as long as the stage trains, so that nobody reads it anew.</param>
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
