using YamlDotNet.Core;
using YamlDotNet.Core.Events;

namespace Slowrun.Core.Specs;

/// <summary>A spec's text by lines, to find the comments that the YAML reader passes over.</summary>
internal sealed class SpecText(string text, string source)
{
    private readonly string[] lines = text.Split('\n');

    public string Source => source;

    public SpecMark MarkOf(ParsingEvent e) => new(source, (int)e.Start.Line, (int)e.Start.Column);

    /// <summary>The comment in the same line behind a value; null: there is none.</summary>
    /// <param name="brackets">The end is at a closing bracket.</param>
    public string? Behind(Mark end, bool brackets) =>
        Rest(end) is var rest && !brackets ? Comment(rest)
        : rest.IsEmpty ? null
        : Comment(rest[1..]);

    /// <summary>The comment behind <c>name:</c>.</summary>
    public string? BehindName(Mark nameEnd) => Rest(nameEnd).TrimStart() is var rest && rest.StartsWith(':') ? Comment(rest[1..]) : null;

    /// <summary>The comment lines right above a line, without their <c>#</c>.</summary>
    public IReadOnlyList<string> Above(long line)
    {
        var above = new List<string>();
        for (var i = line - 2; i >= 0 && Comment(lines[i]) is { } comment; i--)
        {
            above.Insert(0, comment);
        }

        return above;
    }

    private ReadOnlySpan<char> Rest(Mark from) =>
        from.Line >= 1 && from.Line <= lines.Length && from.Column >= 1 && from.Column - 1 <= lines[from.Line - 1].Length
            ? lines[from.Line - 1].AsSpan((int)from.Column - 1)
            : [];

    private static string? Comment(ReadOnlySpan<char> rest) =>
        rest.TrimStart() is var found && found.StartsWith('#') ? found[1..].Trim().ToString() : null;
}
