using System.Globalization;
using System.Text.RegularExpressions;

namespace Slowrun.Core.Specs;

/// <summary>
/// A place in a spec: <c>recipe.chains[0].stage.epochs</c>. Short forms leave <c>recipe.</c> out (<c>model.layers</c>) and may write a
/// list's index as a name (<c>chains.0.stages</c>); <c>operations.</c> is always written.
/// </summary>
internal sealed partial record SpecPath(IReadOnlyList<string> Segments)
{
    private static readonly string[] Sections = ["recipe", "operations", "name"];

    /// <summary>Null where the text is no path at all.</summary>
    public static SpecPath? TryParse(string text)
    {
        if (!Brackets().IsMatch(text))
        {
            return null;
        }

        var segments = text.Replace("[", ".", StringComparison.Ordinal).Replace("]", "", StringComparison.Ordinal).Split('.');
        if (segments.Any(segment => segment.Length == 0 || segment.Any(char.IsWhiteSpace)))
        {
            return null;
        }

        return new SpecPath(Sections.Contains(segments[0]) ? segments : ["recipe", .. segments]);
    }

    /// <summary>The path of a <c>path=value</c>; null where there is none.</summary>
    public static SpecPath? Of(string assignment) => TryParse(assignment.Split('=', 2)[0].Trim());

    public bool IsOperation => Segments is ["operations", _, ..];

    /// <summary>The mark of the node there, or of the deepest section around it that was written.</summary>
    public SpecMark MarkIn(SpecNode root)
    {
        var mark = root.Mark;
        SpecNode? node = root;
        foreach (var segment in Segments)
        {
            switch (node)
            {
                case SpecMapping mapping when mapping.Find(segment) is { } entry:
                    (node, mark) = (entry.Value, entry.KeyMark);
                    break;
                case SpecSequence sequence when Index(segment) is { } i && i < sequence.Items.Count:
                    node = sequence.Items[i];
                    mark = node.Mark;
                    break;
                default:
                    return mark;
            }
        }

        return mark;
    }

    /// <summary>Each bracket is closed before the next dot or bracket.</summary>
    [GeneratedRegex(@"^[^\[\]]+(\[[^\[\].]+\](?=[.\[]|$)[^\[\]]*)*$", RegexOptions.CultureInvariant)]
    private static partial Regex Brackets();

    public static int? Index(string segment) =>
        int.TryParse(segment, NumberStyles.None, CultureInfo.InvariantCulture, out var index) ? index : null;

    public bool Equals(SpecPath? other) => ContentEquality.Same(this, other);

    public override int GetHashCode() => ContentEquality.Hash(this);
}
