using YamlDotNet.Core;
using YamlDotNet.Core.Events;

namespace Slowrun.Core.Specs;

/// <summary>
/// Reads YAML (and JSON, which is YAML) into nodes that know their place. Anchors, aliases and tags are refused: aliases make a small
/// file unfold into a huge one, and a tag could claim a type that the field has not.
/// </summary>
internal static class SpecParser
{
    /// <summary>Real specs are a few kilobytes, and five levels deep.</summary>
    public const int LongestCharacters = 1 << 18;

    private const int DeepestLevels = 32;

    /// <exception cref="SpecException">Not YAML; where the problem is.</exception>
    public static SpecNode Parse(string text, string source)
    {
        if (text.Length > LongestCharacters)
        {
            throw Problem(source, 0, 0, $"the text is {text.Length:N0} characters long, expected at most {LongestCharacters:N0}.");
        }

        var scanner = new Scanner(new StringReader(text));
        try
        {
            var parser = new Parser(scanner);
            parser.Consume<StreamStart>();
            if (parser.TryConsume<StreamEnd>(out _))
            {
                return new SpecMapping(new SpecMark(source, 1, 1), []);
            }

            parser.Consume<DocumentStart>();
            var node = Node(parser, new SpecText(text, source), DeepestLevels);
            parser.Consume<DocumentEnd>();
            return parser.TryConsume<StreamEnd>(out _)
                ? node
                : throw Problem(parser.Current!, source, "a second document begins here, expected one document a file.");
        }
        catch (YamlException e) when (TabbedLine(text) is { } line && e.Message.Contains("tab", StringComparison.Ordinal))
        {
            // YamlDotNet names the place where the section around it begins.
            throw Problem(source, line, 1, "this is not YAML: found a tab before the line, expected spaces.");
        }
        catch (YamlException e)
        {
            throw Problem(source, (int)e.Start.Line, (int)e.Start.Column, $"this is not YAML: {e.Message.TrimEnd('.')}.");
        }
        catch (InvalidOperationException)
        {
            // What YamlDotNet's scanner throws at some unended lists.
            throw Problem(
                source,
                (int)scanner.CurrentPosition.Line,
                (int)scanner.CurrentPosition.Column,
                "this is not YAML: a list, section or text does not end."
            );
        }
    }

    /// <summary>The first line, counted from 1, with a tab in its indentation.</summary>
    private static int? TabbedLine(string text) =>
        Array.FindIndex(text.Split('\n'), line => line.TrimStart(' ').StartsWith('\t')) is >= 0 and var index ? index + 1 : null;

    private static SpecNode Node(IParser parser, SpecText text, int levels) => Node(parser, text, levels, out _);

    /// <param name="end">Behind the last character of a value written in one piece, or at its closing bracket; null: a block of
    /// lines.</param>
    private static SpecNode Node(IParser parser, SpecText text, int levels, out Mark? end)
    {
        end = null;
        var start = parser.Current!;
        var mark = text.MarkOf(start);
        if (levels == 0)
        {
            throw Problem(start, text.Source, $"the nesting is deeper than {DeepestLevels} levels.");
        }

        if (start is AnchorAlias || start is NodeEvent { Anchor.IsEmpty: false } || start is NodeEvent { Tag.IsEmpty: false })
        {
            throw Problem(start, text.Source, "anchors (&), aliases (*) and tags (!) are not used in specs; write the value out.");
        }

        if (parser.TryConsume<Scalar>(out var scalar))
        {
            end = scalar.End;
            return new SpecScalar(mark, scalar.Value, scalar.Style is not (ScalarStyle.Plain or ScalarStyle.Any));
        }

        if (parser.TryConsume<SequenceStart>(out var sequence))
        {
            var items = new List<SpecNode>();
            SequenceEnd last;
            while (!parser.TryConsume(out last!))
            {
                items.Add(Node(parser, text, levels - 1));
            }

            end = sequence.Style == SequenceStyle.Flow ? last.Start : null;
            return new SpecSequence(mark, items);
        }

        var style = parser.Consume<MappingStart>().Style;
        var mapping = Mapping(parser, text, mark, levels, out var mappingEnd);
        end = style == MappingStyle.Flow ? mappingEnd : null;
        return mapping;
    }

    private static SpecMapping Mapping(IParser parser, SpecText text, SpecMark mark, int levels, out Mark end)
    {
        var entries = new List<SpecEntry>();
        var names = new HashSet<string>(StringComparer.Ordinal);
        MappingEnd last;
        while (!parser.TryConsume(out last!))
        {
            var keyEvent = parser.Current!;
            if (Node(parser, text, levels - 1) is not SpecScalar key)
            {
                throw Problem(keyEvent, text.Source, "a field's name is expected here, not a list or a section.");
            }

            if (!names.Add(key.Text))
            {
                throw Problem(keyEvent, text.Source, $"the field '{SpecProblem.Shortened(key.Text)}' is given twice.");
            }

            var value = Node(parser, text, levels - 1, out var valueEnd);
            entries.Add(
                new SpecEntry(key.Text, key.Mark, value)
                {
                    Comment = valueEnd is { } behind
                        ? text.Behind(behind, brackets: value is not SpecScalar)
                        : text.BehindName(keyEvent.End),
                    Above = text.Above(key.Mark.Line),
                }
            );
        }

        end = last.Start;
        return new SpecMapping(mark, entries);
    }

    private static SpecException Problem(ParsingEvent e, string source, string message) =>
        Problem(source, (int)e.Start.Line, (int)e.Start.Column, message);

    private static SpecException Problem(string source, int line, int column, string message) =>
        new([new SpecProblem(source, line, column, "", message)]);
}
