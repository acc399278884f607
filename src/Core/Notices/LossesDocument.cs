namespace Slowrun.Core.Notices;

/// <summary>The document at <c>runs/NAME/notices/losses</c>: machines that a run has lost within the last hour, for the silo that reads the
/// run next. Written only when one is lost.</summary>
public sealed record LossesDocument : ExtensibleRecord
{
    /// <summary>By the address of the silo: when that was seen.</summary>
    public IReadOnlyDictionary<string, DateTimeOffset> Lost { get; init; } = new Dictionary<string, DateTimeOffset>();

    public bool Equals(LossesDocument? other) => ContentEquality.Same(this, other);

    public override int GetHashCode() => ContentEquality.Hash(this);
}
