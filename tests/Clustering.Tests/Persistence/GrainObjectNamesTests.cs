using Slowrun.Clustering.Persistence;
using Slowrun.Storage;

namespace Slowrun.Clustering.Tests.Persistence;

public sealed class GrainObjectNamesTests
{
    [Fact]
    public void Default_OfAStagesRoot_IsTheDocumentThatEverybodyReads() =>
        Assert.Equal(
            "runs/my.run-1/chain0/stage1/root",
            GrainObjectNames.Default("root", GrainId.Create("stage", "my.run-1/chain0/stage1"))
        );

    [Fact]
    public void Default_OfAnyOtherGrain_HasTypeKeyAndState() =>
        Assert.Equal("grains/run/demo/state", GrainObjectNames.Default("state", GrainId.Create("run", "demo")));

    [Theory]
    [InlineData("demo/chain0", "demo@2Fchain0")]
    [InlineData("a.b-c_d", "a.b-c_d")]
    [InlineData("..", "@2E.@")]
    [InlineData(".hidden", "@2Ehidden")]
    [InlineData("ends.", "ends.@")]
    [InlineData("a@b", "a@40b")]
    [InlineData("Ж x", "@D0@96@20x")]
    public void Default_OfAKeyThatIsNoSegment_EscapesIt(string key, string segment) =>
        Assert.Equal($"grains/run/{segment}/state", GrainObjectNames.Default("state", GrainId.Create("run", key)));

    [Fact]
    public void Default_OfAnyKeys_GivesNamesThatAreAllowedAndAllDifferent()
    {
        string[] keys =
        [
            "a",
            "A",
            "a.",
            "a.@",
            "a@",
            "@",
            "a/b",
            "a@2Fb",
            ".",
            "..",
            "...",
            new string('x', 500),
            new string('x', 501),
            new string('.', 300),
            "\0",
            "é",
            "e",
        ];

        var names = keys.Select(key => GrainObjectNames.Default("s", GrainId.Create("t", key))).ToList();

        Assert.All(names, ObjectNames.Check);
        Assert.Equal(keys.Length, names.Distinct().Count());
    }
}
