using Slowrun.Client.Display;
using Slowrun.Core;
using Slowrun.Core.Efficiency;
using Slowrun.Core.Specs;

namespace Slowrun.Client.Tests.Display;

public sealed class DemoNotesTests
{
    [Fact]
    public void Efficiency_OfARunThatWasMeasured_IsALineWithAFactorForEachCurve()
    {
        var spec = SpecReader.FromPreset("demo-quick", new SpecOverrides { Name = "demo" });
        spec = spec with { Recipe = spec.Recipe with { Data = spec.Recipe.Data with { Sha256 = "a" } } };
        BaselinePoint[] points = [new(100, 3), new(200, 2)];
        var known = new CachedCurves(
            "a",
            CanonicalJson.Sha256(spec.Recipe),
            100,
            [new CachedCurve(BaselineKind.OnePass, points), new CachedCurve(BaselineKind.ManyPasses, [new(100, 1.5)])]
        );

        Assert.Equal(
            "Data efficiency: for the ensemble's loss an ordinary training needs 2.00x the text with one pass, < 1.00x the "
                + "text with many passes "
                + "(by a curve that comes with the program; 'slowrun efficiency demo' trains it, and has intervals).",
            DemoNotes.Efficiency(spec, 2, [known])
        );
        Assert.Null(DemoNotes.Efficiency(spec, null, [known]));
        Assert.Null(DemoNotes.Efficiency(spec with { Recipe = spec.Recipe with { Seed = 1 } }, 2, [known]));
    }
}
