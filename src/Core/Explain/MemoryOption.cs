namespace Slowrun.Core.Explain;

/// <summary>Changes of a spec with which its stages need less memory.</summary>
/// <param name="Set">As for <c>--set</c>, all of them together.</param>
/// <param name="Bytes">What the largest stage then needs on the slot.</param>
public sealed record MemoryOption(IReadOnlyList<string> Set, long Bytes)
{
    /// <summary>As on the command line.</summary>
    public override string ToString() => $"{string.Join(' ', Set.Select(one => $"--set {one}"))} ({Human.Bytes(Bytes)})";

    public bool Equals(MemoryOption? other) => ContentEquality.Same(this, other);

    public override int GetHashCode() => ContentEquality.Hash(this);
}
