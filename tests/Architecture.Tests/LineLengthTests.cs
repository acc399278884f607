using System.Text.RegularExpressions;

namespace Slowrun.Architecture.Tests;

/// <summary>No comment is wider than the formatter lays out code (.csharpierrc). Strings may be: nothing breaks them,
/// and generated code is as its generator lays it out.</summary>
public sealed partial class LineLengthTests
{
    private const int Width = 140;

    [Fact]
    public void Comments_OfAllSources_FitTheLine()
    {
        var wide =
            from room in new[] { "src", "tests", "bench" }
            from file in Directory.EnumerateFiles(Path.Combine(RoomTests.Root, room), "*.cs", SearchOption.AllDirectories)
            where !file.EndsWith(".g.cs", StringComparison.Ordinal)
            from line in File.ReadLines(file).Select((text, index) => (Text: text, Number: index + 1))
            where line.Text.Length > Width && Comment().IsMatch(line.Text)
            select $"{Path.GetRelativePath(RoomTests.Root, file)}:{line.Number} has {line.Text.Length} characters; at most {Width}";

        Assert.Empty(wide);
    }

    [GeneratedRegex("^ *//")]
    private static partial Regex Comment();
}
