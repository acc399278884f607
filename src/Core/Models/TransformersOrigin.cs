using System.Text.Json.Nodes;

namespace Slowrun.Core.Models;

/// <summary>Where exported weights come from.</summary>
/// <param name="Recipe">A <see cref="PassedModel"/> in a spec's own words, for <c>slowrun import</c>.</param>
/// <param name="Model">Prefix of its tensors' names in the snapshot; empty: the stage's last model.</param>
public sealed record TransformersOrigin(
    string Run,
    string Stage,
    string Model,
    string RecipeSha256,
    string DataSha256,
    string SnapshotSha256,
    JsonNode Recipe
)
{
    public bool Equals(TransformersOrigin? other) => ContentEquality.Same(this, other);

    public override int GetHashCode() => ContentEquality.Hash(this);
}
