using Slowrun.Core.Efficiency;
using Slowrun.Core.Recipes;
using Slowrun.Core.Specs;

namespace Slowrun.Core.Tests.Efficiency;

public sealed class CachedCurvesTests
{
    private static readonly Recipe Recipe = OnData(SpecReader.FromPreset("demo-quick").Recipe, "a");

    private static readonly CachedCurves Known = new(
        "a",
        CanonicalJson.Sha256(Recipe),
        100,
        [new CachedCurve(BaselineKind.OnePass, [new BaselinePoint(100, 3), new BaselinePoint(200, 2), new BaselinePoint(400, 1)])]
    );

    [Fact]
    public void For_TheRecipeAndDataThatWereMeasured_GivesFactors()
    {
        var curves = CachedCurves.For(Recipe, [Known]);

        Assert.Equal([(BaselineKind.OnePass, new DataFactor(2, FactorKind.Read))], curves!.FactorsOf(2));
    }

    [Fact]
    public void For_OtherTextOrAnotherRecipe_IsNothing()
    {
        Assert.Null(CachedCurves.For(OnData(Recipe, "b"), [Known]));
        Assert.Null(CachedCurves.For(Recipe with { Seed = Recipe.Seed + 1 }, [Known]));
        // The hash of the recipe has that of the data in it: a file that names other data beside it is no match either.
        Assert.Null(CachedCurves.For(Recipe, [Known with { DataSha256 = "b" }]));
    }

    /// <summary>Fails when the preset changes: 'slowrun efficiency demo-quick' has to be asked again then (docs/efficiency.md).</summary>
    [Fact]
    public void Embedded_AreOfThePresetAsItIs()
    {
        var curves = Assert.Single(CachedCurves.Embedded);

        Assert.Same(curves, CachedCurves.For(OnData(Recipe, curves.DataSha256), CachedCurves.Embedded));
        Assert.Equal(Recipe.Data.TrainTokens, curves.TrainTokens);
        Assert.Equal([BaselineKind.OnePass, BaselineKind.ManyPasses], curves.Curves.Select(curve => curve.Kind));
        Assert.All(curves.Curves, curve => Assert.Equal(curves.TrainTokens, curve.Points[0].Tokens));
        Assert.All(curves.Curves, curve => Assert.All(curve.Points, point => Assert.InRange(point.LossNats, 1, 4)));
    }

    private static Recipe OnData(Recipe recipe, string sha256) => recipe with { Data = recipe.Data with { Sha256 = sha256 } };
}
