using TorchSharp;
using static TorchSharp.torch;

namespace Slowrun.Training.Tests;

/// <summary>Comparisons at the fixture schema's tolerances.</summary>
internal static class Close
{
    public static void Max(Tensor expected, Tensor actual, double tolerance, string what)
    {
        Assert.Equal(expected.shape, actual.shape);
        var worst = actual.to(ScalarType.Float64).sub(expected.to(ScalarType.Float64)).abs().max().ToDouble();
        Assert.True(worst <= tolerance, $"{what}: off by {worst:g3}, allowed {tolerance:g3}.");
    }

    public static void RelativeL2(Tensor expected, Tensor actual, double tolerance, string what)
    {
        Assert.Equal(expected.shape, actual.shape);
        var exact = expected.to(ScalarType.Float64);
        var error = actual.to(ScalarType.Float64).sub(exact).norm().ToDouble() / Math.Max(exact.norm().ToDouble(), 1e-30);
        Assert.True(error <= tolerance, $"{what}: relative L2 error {error:g3}, allowed {tolerance:g3}.");
    }

    /// <summary>A fingerprint: l2, mean and sampled values of a tensor.</summary>
    public static void Fingerprint(System.Text.Json.Nodes.JsonNode expected, Tensor actual, double tolerance, string what)
    {
        var values = actual.detach().to(ScalarType.Float64).reshape(-1);
        var (l2, n) = ((double)expected["l2"]!, (long)expected["n"]!);
        Assert.Equal(n, values.shape[0]);
        Assert.True(Math.Abs(values.norm().ToDouble() - l2) <= tolerance * l2, $"{what}: l2 {values.norm().ToDouble()}, expected {l2}.");
        // A single number may be small beside its tensor: its error is measured by the tensor's largest typical number.
        var scale = Math.Max(l2 / Math.Sqrt(n), expected["val"].Doubles().Max(Math.Abs));
        foreach (var (index, value) in expected["idx"]!.AsArray().Zip(expected["val"].Doubles()))
        {
            var found = values[(long)index!].ToDouble();
            Assert.True(Math.Abs(found - value) <= 20 * tolerance * scale, $"{what}[{index}]: {found}, expected {value}.");
        }
    }
}
