using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;
using System.Security.Cryptography;
using Slowrun.Core.Recipes;
using Slowrun.Training.Devices;
using Slowrun.Training.Numerics;
using Slowrun.Training.Stages;
using Slowrun.Training.Tests.Distillation;
using Slowrun.Training.Tests.Stages;

namespace Slowrun.Training.Tests.Numerics;

/// <summary>
/// Holds the fused path's promise (decision 0022): the bits of its kernels do not depend on the registers that .NET finds. libtorch does
/// not heed .NET's settings, so that its products are those of this process.
/// </summary>
public sealed class InstructionSetTests
{
    private const string Output = "SLOWRUN_TEST_INSTRUCTIONS";

    [Theory]
    [InlineData("DOTNET_EnableAVX512")]
    [InlineData("DOTNET_EnableAVX2")]
    [InlineData("DOTNET_EnableHWIntrinsic")]
    public async Task Training_WithFewerInstructions_EndsWithTheSameBytes(string setting)
    {
        var file = Path.GetTempFileName();
        try
        {
            await ChildTests.RunAsync(
                $"{typeof(InstructionSetTests).FullName}.{nameof(Training_InThisProcess_WritesItsHash)}",
                new Dictionary<string, string> { [setting] = "0", [Output] = file }
            );
            var found = await File.ReadAllLinesAsync(file, TestContext.Current.CancellationToken);

            // Else this would be a test of nothing, should .NET rename the setting.
            Assert.Equal(Without(setting), found[0]);
            Assert.Equal(Hash(), found[1]);
        }
        finally
        {
            File.Delete(file);
        }
    }

    [Fact(Explicit = true)]
    public void Training_InThisProcess_WritesItsHash() =>
        File.WriteAllLines(Environment.GetEnvironmentVariable(Output)!, [Instructions(), Hash()]);

    private static string Without(string setting) =>
        setting switch
        {
            "DOTNET_EnableAVX512" => Instructions(avx512: false, Avx2.IsSupported, Vector128.IsHardwareAccelerated),
            "DOTNET_EnableAVX2" => Instructions(avx512: false, avx2: false, Vector128.IsHardwareAccelerated),
            _ => Instructions(avx512: false, avx2: false, any: false),
        };

    private static string Instructions() => Instructions(Avx512F.IsSupported, Avx2.IsSupported, Vector128.IsHardwareAccelerated);

    private static string Instructions(bool avx512, bool avx2, bool any) => $"AVX-512 {avx512}, AVX2 {avx2}, any {any}";

    /// <summary>Two steps that pass every kernel, with widths and rows that fill no vector, and with vectors that are taken in pairs where
    /// there are registers for that.</summary>
    private static string Hash()
    {
        var model = SmallStage.Model with
        {
            VocabSize = 41,
            SequenceLength = 37,
            Layers = 4,
            Heads = 2,
            Width = 84,
            ShortWindow = 7,
            Initialization = Initialization.NormalOutput,
        };
        var stage = SmallStage.Recipe with
        {
            BatchTokens = 148,
            Lanes = 2,
            Loop = new LoopRecipe
            {
                Start = 2,
                End = 4,
                FromFraction = 0,
            },
            StochasticDepth = 0.2,
            LabelSmoothing = 0.1,
            Distillation = new DistillationRecipe { Alpha = 0.4, Temperature = 1.2 },
        };
        var inputs = SmallStage.Inputs(stage, model, taught: true) with { Teacher = SmallEnsemble.Weights(model, 8) };
        Assert.Equal(StepPath.Fused, StepPaths.Of(inputs.Plan, onProcessor: true));
        using var training = StageTraining.Begin(inputs, ComputeDevices.SingleCpu);
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        foreach (var tensor in SmallStage.Run(training, until: 2))
        {
            hash.AppendData(tensor.Bytes.Span);
        }

        return Convert.ToHexStringLower(hash.GetHashAndReset());
    }
}
