using System.Text.RegularExpressions;

namespace Slowrun.Architecture.Tests;

/// <summary>Pages that lead through the source name files that are there.</summary>
public sealed partial class DocumentedPathTests
{
    /// <summary>Stand for any name.</summary>
    private static readonly string[] Placeholders = ["src/Client/Commands/NameCommand.cs", "tests/ROOM.Tests"];

    [Theory]
    [InlineData("docs/architecture.md")]
    [InlineData("CONTRIBUTING.md")]
    public void Paths_InAPageThatLeadsThroughTheSource_AreThere(string page)
    {
        var named = PathOfSource()
            .Matches(File.ReadAllText(Path.Combine(RoomTests.Root, page)))
            .Select(match => match.Value)
            .Distinct()
            .Except(Placeholders)
            .ToList();

        Assert.NotEmpty(named);
        Assert.All(
            named,
            path => Assert.True(Path.Exists(Path.Combine(RoomTests.Root, path)), $"{page} names '{path}', which is not there.")
        );
    }

    [GeneratedRegex(@"(?<=`)(?:src|tests|bench|build)/[\w./-]*\w(?=`)")]
    private static partial Regex PathOfSource();
}
