namespace Slowrun.Core.Stages;

/// <summary>Describes one whole checkpoint: written after all its parts, before the root that makes it count. Immutable.</summary>
public sealed record CheckpointManifest : IVersionedDocument
{
    public const int CurrentVersion = 1;

    public int Version { get; init; } = CurrentVersion;

    int IVersionedDocument.Newest => CurrentVersion;

    public required string Run { get; init; }

    public required string Stage { get; init; }

    public required int Step { get; init; }

    public required long EpochToken { get; init; }

    public required StageIdentity Identity { get; init; }

    public required IReadOnlyList<CheckpointPart> Parts { get; init; }

    public bool Equals(CheckpointManifest? other) => ContentEquality.Same(this, other);

    public override int GetHashCode() => ContentEquality.Hash(this);
}

/// <summary>One safetensors object of a checkpoint.</summary>
/// <param name="XxHash128">Lower-case hex of the object's bytes.</param>
public sealed record CheckpointPart(string Name, long LengthBytes, string XxHash128);
