namespace Slowrun.Core.Specs;

/// <summary>Lays one spec over another: sections are merged field by field, everything else (lists too) replaces.</summary>
internal static class SpecOverlay
{
    public static SpecNode Over(SpecNode below, SpecNode above)
    {
        if (below is not SpecMapping old || above is not SpecMapping changes)
        {
            return above;
        }

        return old.With(changes.Entries, Over);
    }

    private static SpecEntry Over(SpecEntry below, SpecEntry above) =>
        below.Value is SpecMapping && above.Value is SpecMapping
            ? above with
            {
                Value = Over(below.Value, above.Value),
                Comment = above.Comment ?? below.Comment,
                Above = above.Above.Count > 0 ? above.Above : below.Above,
            }
            : above with
            {
                Replaced = below,
            };

    /// <summary>Carries out one <c>path=value</c>.</summary>
    /// <param name="from">What made the assignment: <c>--set</c>.</param>
    public static SpecNode Set(SpecNode root, string assignment, string from)
    {
        var equals = assignment.IndexOf('=', StringComparison.Ordinal);
        // What it sets may be a URL that is a secret, and is then refused: the message must not repeat it.
        var source = IsSecret(assignment) ? $"{from} {assignment[..equals]}=…" : $"{from} {assignment}";
        if (equals < 1 || equals == assignment.Length - 1)
        {
            throw Problem(source, "", "expected path=value, for example model.layers=4; null takes a field back to its default.");
        }

        var path =
            SpecPath.TryParse(assignment[..equals].Trim())
            ?? throw Problem(
                source,
                "",
                $"'{assignment[..equals]}' is not a path; expected names joined by dots, for example model.layers or chains[0].stages."
            );
        var written = assignment[(equals + 1)..];
        var value = Moved(SpecParser.Parse(written, source), new SpecMark(source, 0, 0));
        if (value is SpecMapping { Entries.Count: 0 } && !written.Contains('{', StringComparison.Ordinal))
        {
            // A comment, or nothing but spaces.
            throw Problem(source, "", "there is no value in it; expected path=value, for example model.layers=4.");
        }

        return Set(root, path.Segments, 0, value);
    }

    private static bool IsSecret(string assignment) =>
        // Also where the path is none: with a bracket too few it is the same secret.
        assignment.Split('=', 2)
            is [var path, _]
        && path.Contains("notify", StringComparison.OrdinalIgnoreCase);

    private static SpecNode Set(SpecNode node, IReadOnlyList<string> segments, int depth, SpecNode value)
    {
        if (depth == segments.Count)
        {
            return value;
        }

        var segment = segments[depth];
        var path = string.Join('.', segments.Take(depth));
        switch (node)
        {
            case SpecSequence sequence:
                return SpecPath.Index(segment) is { } index && index < sequence.Items.Count
                    ? sequence with
                    {
                        Items = [.. sequence.Items.Select((item, i) => i == index ? Set(item, segments, depth + 1, value) : item)],
                    }
                    : throw Problem(
                        value.Mark.Source,
                        path,
                        $"there is no entry '{segment}' in a list of {sequence.Items.Count}; expected 0 to {sequence.Items.Count - 1}."
                    );
            case SpecMapping mapping:
                var old = mapping.Find(segment);
                var changed = Set(old?.Value ?? new SpecMapping(value.Mark, []), segments, depth + 1, value);
                return mapping.With(
                    depth + 1 == segments.Count
                        ? new SpecEntry(segment, value.Mark, changed) { Replaced = old }
                        : (old ?? new SpecEntry(segment, value.Mark, changed)) with
                        {
                            KeyMark = value.Mark,
                            Value = changed,
                        }
                );
            case SpecScalar { IsNull: true }:
                return Set(new SpecMapping(value.Mark, []), segments, depth, value);
            default:
                throw Problem(value.Mark.Source, path, $"this is a value, not a section with a field '{segment}'.");
        }
    }

    private static SpecNode Moved(SpecNode node, SpecMark mark) =>
        node switch
        {
            SpecMapping mapping => new SpecMapping(
                mark,
                [.. mapping.Entries.Select(e => new SpecEntry(e.Key, mark, Moved(e.Value, mark)))]
            ),
            SpecSequence sequence => new SpecSequence(mark, [.. sequence.Items.Select(item => Moved(item, mark))]),
            _ => node with { Mark = mark },
        };

    private static SpecException Problem(string source, string path, string message) => new([new SpecProblem(source, 0, 0, path, message)]);
}
