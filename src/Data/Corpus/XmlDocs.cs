using System.Xml;

namespace Slowrun.Data.Corpus;

/// <summary>What a documentation file says of one member: a paragraph, as sentences.</summary>
/// <param name="Member">The documentation id without its kind: <c>System.Linq.Enumerable.Any``1(…)</c>.</param>
internal sealed record MemberProse(char Kind, string Member, IReadOnlyList<Sentence> Sentences);

/// <summary>Reads the prose of a documentation file; no code, and no markup.</summary>
internal static class XmlDocs
{
    private static readonly HashSet<string> Prose = ["summary", "remarks", "returns", "value", "param"];

    /// <exception cref="CorpusException">Not well-formed XML.</exception>
    public static IEnumerable<MemberProse> Read(string path)
    {
        var settings = new XmlReaderSettings
        {
            DtdProcessing = DtdProcessing.Prohibit,
            IgnoreComments = true,
            IgnoreProcessingInstructions = true,
        };
        using var reader = XmlReader.Create(path, settings);
        var sentences = new Sentences();
        while (Advance(reader, path))
        {
            if (
                reader is { NodeType: XmlNodeType.Element, Name: "member", IsEmptyElement: false }
                && reader.GetAttribute("name") is [var kind, ':', .. var member]
            )
            {
                var depth = reader.Depth;
                while (Advance(reader, path) && reader.Depth > depth)
                {
                    if (
                        reader is { NodeType: XmlNodeType.Element, IsEmptyElement: false }
                        && reader.Depth == depth + 1
                        && Prose.Contains(reader.Name)
                    )
                    {
                        ReadSection(reader, path, sentences);
                        sentences.Break();
                    }
                }

                if (sentences.Take() is { Count: > 0 } found)
                {
                    yield return new MemberProse(kind, member, found);
                }
            }
        }
    }

    private static void ReadSection(XmlReader reader, string path, Sentences sentences)
    {
        var depth = reader.Depth;
        while (Advance(reader, path) && reader.Depth > depth)
        {
            switch (reader.NodeType)
            {
                case XmlNodeType.Text or XmlNodeType.SignificantWhitespace or XmlNodeType.Whitespace:
                    sentences.Append(reader.Value);
                    break;
                case XmlNodeType.Element:
                    ReadInline(reader, path, sentences);
                    break;
                case XmlNodeType.EndElement when IsBlock(reader.Name):
                    sentences.Break();
                    break;
            }
        }
    }

    private static void ReadInline(XmlReader reader, string path, Sentences sentences)
    {
        switch (reader.Name)
        {
            case "see" or "paramref" or "typeparamref" or "xref":
                if (reader.IsEmptyElement)
                {
                    sentences.AppendName(Reference(reader));
                }

                break;
            case "c":
                sentences.AppendName(Inner(reader, path));
                break;
            // Only where an attribute says that it stands for a name; else it is a block of code.
            case "code" when reader.HasAttributes && reader.GetAttribute("data-dev-comment-type") is not null:
                sentences.AppendName(Inner(reader, path));
                break;
            case "code" or "seealso" or "example":
                Inner(reader, path);
                break;
            case var name when IsBlock(name):
                sentences.Break();
                break;
        }
    }

    private static bool IsBlock(string element) =>
        element is "para" or "p" or "br" or "list" or "item" or "term" or "description" or "listheader" or "ul" or "li";

    private static string Reference(XmlReader reader)
    {
        if ((reader.GetAttribute("langword") ?? reader.GetAttribute("name")) is { } word)
        {
            return word;
        }

        var id = reader.GetAttribute("cref") ?? reader.GetAttribute("href") ?? "";
        var end = id.IndexOf('(', StringComparison.Ordinal);
        var path = (end < 0 ? id : id[..end]).Split('.');
        var last = path[^1] == "#ctor" && path.Length > 1 ? path[^2] : path[^1];
        var name = last[(last.IndexOf(':', StringComparison.Ordinal) + 1)..];
        var arity = name.IndexOf('`', StringComparison.Ordinal);
        return arity < 0 ? name : name[..arity];
    }

    /// <summary>The text inside an element, which is passed over.</summary>
    private static string Inner(XmlReader reader, string path)
    {
        if (reader.IsEmptyElement)
        {
            return "";
        }

        var depth = reader.Depth;
        var text = "";
        while (Advance(reader, path) && reader.Depth > depth)
        {
            text += reader.NodeType == XmlNodeType.Text ? reader.Value : "";
        }

        return text;
    }

    private static bool Advance(XmlReader reader, string path)
    {
        try
        {
            return reader.Read();
        }
        catch (XmlException e)
        {
            throw new CorpusException(
                $"The documentation file '{path}' is not well-formed: {e.Message} Repair the .NET SDK, or give other text with --text FILE."
            );
        }
    }
}
