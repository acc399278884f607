namespace Slowrun.Core.Models;

/// <summary>Where exported weights come from.</summary>
/// <param name="Model">Prefix of its tensors' names in the snapshot; empty: the stage's last model.</param>
public sealed record TransformersOrigin(
    string Run,
    string Stage,
    string Model,
    string RecipeSha256,
    string DataSha256,
    string SnapshotSha256
);
