namespace Slowrun.Core.Specs;

/// <summary>Where a node was written; <see cref="Line"/> is 0 for <c>--set</c>.</summary>
internal sealed record SpecMark(string Source, int Line, int Column);

/// <summary>A piece of a spec as it was written, before anything is known of its type.</summary>
internal abstract record SpecNode(SpecMark Mark);

/// <param name="Quoted">Quoted text is text, whatever it looks like.</param>
internal sealed record SpecScalar(SpecMark Mark, string Text, bool Quoted) : SpecNode(Mark)
{
    /// <summary>Null takes a field back to its default.</summary>
    public bool IsNull => !Quoted && Text is "" or "~" or "null" or "Null" or "NULL";
}

internal sealed record SpecSequence(SpecMark Mark, IReadOnlyList<SpecNode> Items) : SpecNode(Mark)
{
    public bool Equals(SpecSequence? other) => ContentEquality.Same(this, other);

    public override int GetHashCode() => ContentEquality.Hash(this);
}

internal sealed record SpecMapping(SpecMark Mark, IReadOnlyList<SpecEntry> Entries) : SpecNode(Mark)
{
    public SpecEntry? Find(string key) => Entries.FirstOrDefault(entry => entry.Key == key);

    public SpecMapping With(SpecEntry entry) =>
        this with
        {
            Entries = Find(entry.Key) is null ? [.. Entries, entry] : [.. Entries.Select(old => old.Key == entry.Key ? entry : old)],
        };

    /// <summary>Lays entries over these: what stands in both becomes what <paramref name="both"/> makes of old and new.</summary>
    public SpecMapping With(IEnumerable<SpecEntry> entries, Func<SpecEntry, SpecEntry, SpecEntry> both)
    {
        var merged = new OrderedDictionary<string, SpecEntry>(
            Entries.Select(entry => KeyValuePair.Create(entry.Key, entry)),
            StringComparer.Ordinal
        );
        foreach (var entry in entries)
        {
            merged[entry.Key] = merged.TryGetValue(entry.Key, out var old) ? both(old, entry) : entry;
        }

        return this with
        {
            Entries = [.. merged.Values],
        };
    }

    public bool Equals(SpecMapping? other) => ContentEquality.Same(this, other);

    public override int GetHashCode() => ContentEquality.Hash(this);
}

internal sealed record SpecEntry(string Key, SpecMark KeyMark, SpecNode Value)
{
    /// <summary>The comment behind the value, or behind a section's name; without its <c>#</c>.</summary>
    public string? Comment { get; init; }

    /// <summary>The comment lines right above.</summary>
    public IReadOnlyList<string> Above { get; init; } = [];

    /// <summary>What a later spec or assignment put another value in place of.</summary>
    public SpecEntry? Replaced { get; init; }

    public bool Equals(SpecEntry? other) => ContentEquality.Same(this, other);

    public override int GetHashCode() => ContentEquality.Hash(this);
}
