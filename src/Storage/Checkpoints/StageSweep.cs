using Slowrun.Core.Plan;
using Slowrun.Core.Stages;

namespace Slowrun.Storage.Checkpoints;

/// <summary>What a sweep of a stage's checkpoints may delete.</summary>
/// <param name="Root">As an owner last wrote it, or, for any other sweeper, as it reads now.</param>
/// <param name="Keep">How many checkpoints to keep, those of the root among them.</param>
public sealed record StageSweep(string Run, StageId Stage, StageRoot Root, int Keep)
{
    /// <summary>Manifests that are needed outside the stage.</summary>
    public IReadOnlyCollection<string> Pinned { get; init; } = [];

    /// <summary>Whether the sweeper is the owner of the root's epoch token and uploads nothing meanwhile.</summary>
    public bool ByOwner { get; init; }

    /// <summary>Only tells what would go.</summary>
    public bool DryRun { get; init; }
}
