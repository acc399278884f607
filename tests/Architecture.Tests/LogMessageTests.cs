namespace Slowrun.Architecture.Tests;

/// <summary>Two builds of one commit have the same bytes only where log messages are generated in an order:
/// <c>build/LogMessages.targets</c>.</summary>
public sealed class LogMessageTests
{
    [Fact]
    public void Rooms_WithLogMessages_TakeTheGeneratorThatSorts()
    {
        var unsorted =
            from room in Directory.EnumerateDirectories(Path.Combine(RoomTests.Root, "src"))
            where
                Directory
                    .EnumerateFiles(room, "*.cs", SearchOption.AllDirectories)
                    .Any(file => File.ReadAllText(file).Contains("[LoggerMessage(", StringComparison.Ordinal))
            let project = Assert.Single(Directory.EnumerateFiles(room, "*.csproj"))
            where !File.ReadAllText(project).Contains("<WritesLogMessages>true</WritesLogMessages>", StringComparison.Ordinal)
            select $"{Path.GetRelativePath(RoomTests.Root, project)} has methods with [LoggerMessage], and no <WritesLogMessages>true</WritesLogMessages>";

        Assert.Empty(unsorted);
    }
}
