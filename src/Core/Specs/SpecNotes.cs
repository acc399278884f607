namespace Slowrun.Core.Specs;

/// <summary>What is to be said about a field of a resolved spec.</summary>
/// <param name="Above">Lines of comment above it.</param>
/// <param name="Beside">Its comment, and where an overridden value comes from; null: nothing.</param>
public sealed record SpecNote(IReadOnlyList<string> Above, string? Beside)
{
    public bool Equals(SpecNote? other) => ContentEquality.Same(this, other);

    public override int GetHashCode() => ContentEquality.Hash(this);
}

/// <summary>The comments of the files that a spec was made of, by the fields they belong to.</summary>
public sealed class SpecNotes
{
    // Longer values are named, not shown.
    private const int LongestValue = 40;

    private readonly Dictionary<string, SpecNote> byPath = new(StringComparer.Ordinal);

    internal SpecNotes(SpecNode root, IReadOnlyList<string> header)
    {
        Header = header;
        Visit(root, "");
    }

    /// <summary>The comment that the file begins with.</summary>
    public IReadOnlyList<string> Header { get; }

    /// <param name="path">For example <c>recipe.chains[1].stages</c>.</param>
    public SpecNote? this[string path] => byPath.GetValueOrDefault(path);

    /// <summary>The comment above the first entry: the file's own.</summary>
    internal static (SpecNode Root, IReadOnlyList<string> Header) WithoutHeader(SpecNode root) =>
        root is SpecMapping { Entries: [var first, ..] } mapping
            ? (mapping with { Entries = [first with { Above = [] }, .. mapping.Entries.Skip(1)] }, first.Above)
            : (root, []);

    private void Visit(SpecNode node, string path)
    {
        if (node is SpecMapping mapping)
        {
            foreach (var entry in mapping.Entries)
            {
                var at = path.Length == 0 ? entry.Key : $"{path}.{entry.Key}";
                Add(at, entry.Above, entry.Value is SpecMapping ? entry.Comment : Beside(entry, at));
                Visit(entry.Value, at);
            }
        }
        else if (node is SpecSequence sequence)
        {
            for (var i = 0; i < sequence.Items.Count; i++)
            {
                // What stands above an entry's first field stands above its dash.
                var (item, above) = WithoutHeader(sequence.Items[i]);
                Add($"{path}[{i}]", above, null);
                Visit(item, $"{path}[{i}]");
            }
        }
    }

    private void Add(string path, IReadOnlyList<string> above, string? beside)
    {
        if (above.Count > 0 || beside is not null)
        {
            byPath[path] = new SpecNote(above, beside);
        }
    }

    private static string? Beside(SpecEntry entry, string path)
    {
        var parts = new List<string>();
        if (entry.Comment is { } own)
        {
            parts.Add(own);
        }

        if (entry.Replaced is not null || entry.KeyMark.Line == 0)
        {
            parts.Add($"from {Place(entry.KeyMark)}");
        }

        var first = entry;
        for (var old = entry.Replaced; old is not null; old = old.Replaced)
        {
            first = old;
            parts.Add($"{Place(old.KeyMark)} has {Text(old.Value)}{(old.Comment is { } comment ? $" ({comment})" : "")}");
        }

        if (first.Value is SpecScalar given && SpecDefaults.Overridden(path, given) is { } value)
        {
            parts.Add($"default {value}");
        }

        return parts.Count == 0 ? null : string.Join("; ", parts);
    }

    private static string Place(SpecMark mark) => mark.Line == 0 ? mark.Source : FormattableString.Invariant($"{mark.Source}:{mark.Line}");

    private static string Text(SpecNode value) =>
        value switch
        {
            SpecScalar { Text.Length: <= LongestValue } scalar => scalar.Text.Length == 0 ? "null" : scalar.Text,
            SpecSequence => "another list",
            SpecMapping => "a section",
            _ => "another value",
        };
}

/// <summary>A spec, and what the files it was made of say about its fields.</summary>
public sealed record ResolvedSpec(Recipes.RunSpec Spec, SpecNotes Notes);
