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

internal sealed record SpecSequence(SpecMark Mark, IReadOnlyList<SpecNode> Items) : SpecNode(Mark);

internal sealed record SpecMapping(SpecMark Mark, IReadOnlyList<SpecEntry> Entries) : SpecNode(Mark)
{
    public SpecEntry? Find(string key) => Entries.FirstOrDefault(entry => entry.Key == key);

    public SpecMapping With(SpecEntry entry) => this with
    {
        Entries = Find(entry.Key) is null
            ? [.. Entries, entry]
            : [.. Entries.Select(old => old.Key == entry.Key ? entry : old)],
    };
}

internal sealed record SpecEntry(string Key, SpecMark KeyMark, SpecNode Value);
