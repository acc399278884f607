using Slowrun.Core.Tokens;

namespace Slowrun.Data.Preparation;

/// <summary>Counts the input that is in no set.</summary>
internal sealed class InputAccount
{
    private readonly List<(string Reason, long? Bytes, long Count)> entries = [];
    private readonly List<DividedDocument> divided = [];

    /// <summary>By reason, in the order in which the reasons came up; null where nothing is left out.</summary>
    public IReadOnlyList<DataLeftOut>? LeftOut =>
        entries.Count == 0 ? null : [.. entries.Select(entry => new DataLeftOut(entry.Reason, entry.Bytes, entry.Count))];

    public IReadOnlyList<DividedDocument>? Divided => divided.Count == 0 ? null : divided;

    /// <param name="bytes">Null: not known.</param>
    /// <param name="count">Documents, rows or files.</param>
    public void Add(string reason, long? bytes, long count)
    {
        if (bytes == 0 && count == 0)
        {
            return;
        }

        var at = entries.FindIndex(entry => entry.Reason == reason);
        if (at < 0)
        {
            entries.Add((reason, bytes, count));
        }
        else
        {
            entries[at] = (reason, entries[at].Bytes + bytes, entries[at].Count + count);
        }
    }

    public void Add(DividedDocument document) => divided.Add(document);
}
