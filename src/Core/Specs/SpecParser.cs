using YamlDotNet.Core;
using YamlDotNet.Core.Events;

namespace Slowrun.Core.Specs;

/// <summary>
/// Reads YAML (and JSON, which is YAML) into nodes that know their place. Anchors, aliases and tags are refused: aliases make a small
/// file unfold into a huge one, and a tag could claim a type that the field has not.
/// </summary>
internal static class SpecParser
{
    // Real specs are a few kilobytes and five levels deep.
    private const int LongestCharacters = 1 << 20;
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
            var node = Node(parser, source, DeepestLevels);
            parser.Consume<DocumentEnd>();
            return parser.TryConsume<StreamEnd>(out _)
                ? node
                : throw Problem(parser.Current!, source, "a second document begins here, expected one document a file.");
        }
        catch (YamlException e)
        {
            throw Problem(source, (int)e.Start.Line, (int)e.Start.Column, $"this is not YAML: {e.Message.TrimEnd('.')}.");
        }
        catch (InvalidOperationException)
        {
            // What YamlDotNet's scanner throws at some unended lists.
            throw Problem(source, (int)scanner.CurrentPosition.Line, (int)scanner.CurrentPosition.Column, "this is not YAML: a list, section or text does not end.");
        }
    }

    private static SpecNode Node(IParser parser, string source, int levels)
    {
        var start = parser.Current!;
        var mark = Mark(start, source);
        if (levels == 0)
        {
            throw Problem(start, source, $"the nesting is deeper than {DeepestLevels} levels.");
        }

        if (start is AnchorAlias || start is NodeEvent { Anchor.IsEmpty: false } || start is NodeEvent { Tag.IsEmpty: false })
        {
            throw Problem(start, source, "anchors (&), aliases (*) and tags (!) are not used in specs; write the value out.");
        }

        if (parser.TryConsume<Scalar>(out var scalar))
        {
            return new SpecScalar(mark, scalar.Value, scalar.Style is not (ScalarStyle.Plain or ScalarStyle.Any));
        }

        if (parser.TryConsume<SequenceStart>(out _))
        {
            var items = new List<SpecNode>();
            while (!parser.TryConsume<SequenceEnd>(out _))
            {
                items.Add(Node(parser, source, levels - 1));
            }

            return new SpecSequence(mark, items);
        }

        parser.Consume<MappingStart>();
        return Mapping(parser, source, mark, levels);
    }

    private static SpecMapping Mapping(IParser parser, string source, SpecMark mark, int levels)
    {
        var entries = new List<SpecEntry>();
        while (!parser.TryConsume<MappingEnd>(out _))
        {
            var keyEvent = parser.Current!;
            if (Node(parser, source, levels - 1) is not SpecScalar key)
            {
                throw Problem(keyEvent, source, "a field's name is expected here, not a list or a section.");
            }

            if (entries.Exists(entry => entry.Key == key.Text))
            {
                throw Problem(keyEvent, source, $"the field '{key.Text}' is given twice.");
            }

            entries.Add(new SpecEntry(key.Text, key.Mark, Node(parser, source, levels - 1)));
        }

        return new SpecMapping(mark, entries);
    }

    private static SpecMark Mark(ParsingEvent e, string source) => new(source, (int)e.Start.Line, (int)e.Start.Column);

    private static SpecException Problem(ParsingEvent e, string source, string message) =>
        Problem(source, (int)e.Start.Line, (int)e.Start.Column, message);

    private static SpecException Problem(string source, int line, int column, string message) =>
        new([new SpecProblem(source, line, column, "", message)]);
}
