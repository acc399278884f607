namespace Slowrun.Training.Tests;

public sealed class FixtureSetTests
{
    [Fact]
    public void Tensors_OfTheWeights_AreThoseTheJsonCounts()
    {
        var weights = FixtureSet.Tensors("A_rec9_gpt_weights");

        var layers = (int)FixtureSet.Json("A_rec9_gpt")["config"]!["n_layer"]!;
        Assert.Equal([layers], weights["resid_lambdas"].Shape);
        Assert.All(weights.Values, w => Assert.Equal(w.Shape.Aggregate(4L, (size, n) => size * n), w.Bytes.Length));
    }
}
