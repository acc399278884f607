using Slowrun.Core.Specs;

namespace Slowrun.Core.Tests.Specs;

public sealed class SpecPathsTests
{
    /// <summary>What is offered is what can be set: each path is one that the reader knows.</summary>
    [Fact]
    public void Of_NothingTyped_HasPathsOfFieldsAlone()
    {
        var paths = SpecPaths.Of("");

        Assert.Contains("model.layers=", paths);
        Assert.Contains("operations.keepCheckpoints=", paths);
        Assert.Equal(paths.Count, paths.Distinct().Count());
        foreach (var path in paths)
        {
            // A value that no field has: the message is about it, and not about the field.
            var e = Assert.Throws<SpecException>(() => SpecReader.FromPreset("tiny", new SpecOverrides { Set = [$"{path}[[{{}}]]"] }));
            Assert.DoesNotContain(e.Problems, problem => problem.Message.Contains("there is no field", StringComparison.OrdinalIgnoreCase));
        }
    }

    [Fact]
    public void Of_AnEntryOfAList_HasItsFields()
    {
        Assert.DoesNotContain("chains[0].stages=", SpecPaths.Of("cha"));
        Assert.Contains("chains[3].stages=", SpecPaths.Of("chains[3].st"));
    }

    [Fact]
    public void Of_AFieldWithFewValues_HasThem() =>
        Assert.Equal(["chains[0].role=Members", "chains[0].role=Baseline"], SpecPaths.Of("chains[0].role="));
}
