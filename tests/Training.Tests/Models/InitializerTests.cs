using System.Runtime.InteropServices;
using Slowrun.Core.Models;
using Slowrun.Core.Recipes;
using Slowrun.Training.Models;
using Slowrun.Training.Parameters;
using Slowrun.Training.Tests.Stages;
using static TorchSharp.torch;

namespace Slowrun.Training.Tests.Models;

public sealed class InitializerTests
{
    // More than one piece that is drawn at once, and an odd number.
    private const int Many = (1 << 22) + 5;

    // DeviceDraw's.
    private const double Tolerance = 1.0 / (1L << 44);

    /// <summary>Normal numbers are drawn in pairs: a part must not begin with the second of one.</summary>
    [Theory]
    [InlineData(ParameterRole.Embedding, 7, 13)]
    [InlineData(ParameterRole.InputMatrix, 101, 33)]
    [InlineData(ParameterRole.Unembedding, 1, 5)]
    public void Fill_OnAnyNumberOfThreads_DrawsTheSameNumbers(ParameterRole role, int rows, int columns)
    {
        var spec = new ParameterSpec("matrix", [rows, columns], role);
        float[] Drawn(int threads)
        {
            var values = new float[rows * columns];
            Initializer.Fill(values, spec, new ModelRecipe(), 5, threads);
            return values;
        }

        var expected = Drawn(1);

        Assert.Equal(expected.Length, expected.Distinct().Count());
        Assert.Equal(expected, Drawn(2));
        Assert.Equal(expected, Drawn(3));
        Assert.Equal(expected, Drawn(8));
    }

    [Theory]
    [InlineData(Initialization.ZeroOutput, MatrixPrecision.F32)]
    [InlineData(Initialization.NormalOutput, MatrixPrecision.BF16)]
    [InlineData(Initialization.ZeroOutputBoosted, MatrixPrecision.BF16)]
    public void Fill_WhereTheParametersLie_GivesTheBytesOfTheHost(Initialization initialization, MatrixPrecision products)
    {
        var model = SmallStage.Model with
        {
            Initialization = initialization,
            Products = products,
            HeadMixing = true,
            MtpBlock = true,
            Xsa = new XsaRecipe(),
        };
        var table = ParameterTable.Of(model);
        var layout = ParameterGroups.Layout(table, ParameterGroups.Of(table, new OptimizerRecipe()));
        using var host = new FlatParameters(layout, CPU);
        using var device = new FlatParameters(layout, CPU);
        // What lay there before must not shine through.
        using (no_grad())
        {
            host.Flat.fill_(3);
            device.Flat.fill_(4);
        }

        Initializer.Fill(host, model, 11);
        Initializer.Fill(device, model, 11, onDevice: true);

        SmallStage.AssertSame(host.Export(), device.Export());
    }

    /// <summary>A device whose functions are off by as much as is allowed, to either side: what is rounded is the same.</summary>
    [Theory]
    [InlineData(1, 0)]
    [InlineData(1, 0.9)]
    [InlineData(1, -0.9)]
    [InlineData(0.001, 0.9)]
    public void Normal_OfADeviceWithinTheTolerance_HasTheBytesOfTheHost(double deviation, double off)
    {
        var expected = new float[Many];
        for (var i = 0; i < Many; i += 2)
        {
            var (first, second) = Initializer.NormalPair(77, i, deviation);
            expected[i] = (float)first;
            if (i + 1 < Many)
            {
                expected[i + 1] = (float)second;
            }
        }

        using var drawn = zeros(Many);
        DeviceDraw.Normal(drawn, deviation, 77, off * Tolerance);

        Assert.True(MemoryMarshal.Cast<byte, float>(drawn.bytes).SequenceEqual(expected));
    }

    [Fact]
    public void Normal_OfADeviceBeyondTheTolerance_SaysSo()
    {
        using var drawn = zeros(Many);

        var error = Assert.Throws<ArithmeticException>(() => DeviceDraw.Normal(drawn, 1, 77, 8 * Tolerance));

        Assert.Contains("cpu computed the initial weight", error.Message, StringComparison.Ordinal);
        Assert.Contains("another device", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Uniform_OfMoreThanAPiece_HasTheBytesOfTheHost()
    {
        var expected = new float[Many];
        Initializer.Fill(
            expected,
            new ParameterSpec("matrix", [1, Many], ParameterRole.InputMatrix),
            new ModelRecipe { Width = 100 },
            7,
            2
        );

        using var drawn = zeros(Many);
        DeviceDraw.Uniform(drawn, Math.Sqrt(3 / 100.0), 7);

        Assert.True(MemoryMarshal.Cast<byte, float>(drawn.bytes).SequenceEqual(expected));
    }
}
