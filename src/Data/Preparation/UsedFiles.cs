using Slowrun.Core.Tokens;
using Slowrun.Data.Inputs;

namespace Slowrun.Data.Preparation;

/// <summary>Which sets each file of a preparation went to.</summary>
internal sealed class UsedFiles(IReadOnlyList<InputFile> files)
{
    private readonly SortedDictionary<int, SortedSet<string>> sets = [];
    private readonly SortedDictionary<int, long> skipped = [];
    private (int File, string Set) last = (-1, "");

    /// <summary>A set has something of it.</summary>
    public void Add(int file, string set)
    {
        if (last == (file, set))
        {
            return;
        }

        last = (file, set);
        if (!sets.TryGetValue(file, out var those))
        {
            sets[file] = those = new SortedSet<string>(StringComparer.Ordinal);
        }

        those.Add(set);
    }

    /// <summary>A row of it was left out.</summary>
    public void Skip(int file) => skipped[file] = skipped.GetValueOrDefault(file) + 1;

    /// <param name="areDealt">Whether the files are for several sets.</param>
    public IEnumerable<string> Remarks(IReadOnlyList<DividedDocument> divided, bool areDealt)
    {
        foreach (var (file, rows) in skipped.Where(one => !sets.ContainsKey(one.Key)))
        {
            yield return FormattableString.Invariant($"'{files[file].Path}' gave no document: all that it has, {rows} rows, was left out.");
        }

        foreach (var (file, those) in areDealt ? sets : [])
        {
            var name = files[file].Name;
            var all = those
                .Concat(divided.Where(document => document.Source == name).SelectMany(document => new[] { document.From, document.To }))
                .ToHashSet(StringComparer.Ordinal);
            if (FileNames.Remark(name, all) is { } remark)
            {
                yield return remark;
            }
        }
    }
}
