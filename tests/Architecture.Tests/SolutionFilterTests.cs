using System.Text.Json;

namespace Slowrun.Architecture.Tests;

/// <summary><c>.ci/run</c> runs every test project: <c>tests/EndToEnd.Tests</c> by itself, the others by a solution filter.</summary>
public sealed class SolutionFilterTests
{
    private const string ByItself = "tests/EndToEnd.Tests/Slowrun.EndToEnd.Tests.csproj";

    [Fact]
    public void BesideEndToEnd_HasEveryOtherTestProject()
    {
        using var filter = JsonDocument.Parse(File.ReadAllText(Path.Combine(RoomTests.Root, "build", "BesideEndToEnd.slnf")));
        var filtered = filter
            .RootElement.GetProperty("solution")
            .GetProperty("projects")
            .EnumerateArray()
            .Select(path => path.GetString()!);
        var all = Directory
            .EnumerateFiles(Path.Combine(RoomTests.Root, "tests"), "*.Tests.csproj", SearchOption.AllDirectories)
            .Select(path => Path.GetRelativePath(RoomTests.Root, path));

        Assert.Equal(all.Order(StringComparer.Ordinal), filtered.Append(ByItself).Order(StringComparer.Ordinal));
    }
}
