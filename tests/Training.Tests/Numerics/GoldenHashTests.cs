using System.Security.Cryptography;
using Slowrun.Core.Recipes;
using Slowrun.Training.Stages;
using Slowrun.Training.Tests.Stages;

namespace Slowrun.Training.Tests.Numerics;

/// <summary>
/// Holds <see cref="Engine.Revision"/>: trainings in a process whose arithmetic is the same on every x86-64 machine must end with known
/// bytes. If this fails on purpose, the engine's numbers have changed: raise the revision and write down the new hashes.
/// </summary>
public sealed class GoldenHashTests
{
    private const string Output = "SLOWRUN_TEST_GOLDEN";

    /// <summary>For revision 1; one training in record 9's form, and some with every option by chance.</summary>
    private const string Expected = """
        record9 a100527426cddea96ee3104e70ca543042d2d21d548b27d1e5b819c75523ce9d
        random1 e32e8f1c6730a3ec46d655ea799c7acf2fe8feaf3e25fb7a5e970061a81baf89
        random2 b2dbe8a072d9aea7c7403faa64b1b50d914aebf5955f9b487a932968b772fdad
        random3 1d36599c44bdb29cad2b34ce993b1359471bb0a91a2b675a1f0a9e680c5c3bcc
        random4 425d5bc7a92b435b4a2fede1a7ab173b05462ffbf90c9fca4d5441e5b97720c7
        """;

    [Fact]
    public async Task Training_WithPortableArithmetic_EndsWithTheBytesOfThisRevision()
    {
        var file = Path.GetTempFileName();
        try
        {
            await ChildTests.RunAsync(
                $"{typeof(GoldenHashTests).FullName}.{nameof(Training_InThisProcess_WritesItsHashes)}",
                new Dictionary<string, string>
                {
                    // Kernels without the processor's own instructions: Intel and AMD, old and new, then agree.
                    ["MKL_CBWR"] = "COMPATIBLE",
                    ["ATEN_CPU_CAPABILITY"] = "default",
                    ["ONEDNN_MAX_CPU_ISA"] = "SSE41",
                    [Output] = file,
                });
            Assert.Equal(1, Engine.Revision);
            Assert.Equal(Expected.ReplaceLineEndings(), (await File.ReadAllTextAsync(file, TestContext.Current.CancellationToken)).TrimEnd());
        }
        finally
        {
            File.Delete(file);
        }
    }

    [Fact(Explicit = true)]
    public void Training_InThisProcess_WritesItsHashes()
    {
        var record9 = SmallStage.Inputs(SmallStage.Recipe with { Selection = new SelectionRecipe { Rule = SelectionRule.BestValidation } });
        var lines = new[] { ("record9", record9) }
            .Concat(Enumerable.Range(1, 4).Select(seed => ($"random{seed}", RandomStage.Of(seed))))
            .Select(stage => $"{stage.Item1} {Hash(stage.Item2)}");
        File.WriteAllLines(Environment.GetEnvironmentVariable(Output)!, lines);
    }

    private static string Hash(StageInputs inputs)
    {
        using var training = StageTraining.Begin(inputs, ComputeDevices.SingleCpu);
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        foreach (var tensor in SmallStage.Run(training).Concat(training.Snapshot()))
        {
            hash.AppendData(tensor.Bytes.Span);
        }

        return Convert.ToHexStringLower(hash.GetHashAndReset());
    }
}
