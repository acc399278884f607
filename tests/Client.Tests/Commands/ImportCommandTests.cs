using System.Runtime.InteropServices;
using Slowrun.Client.Tests.Results;
using Slowrun.Core.Models;
using Slowrun.Core.Recipes;
using Slowrun.Core.Tensors;
using Slowrun.Storage.Checkpoints;
using Slowrun.Storage.Runs;
using Slowrun.Storage.Safetensors;
using Slowrun.Storage.Tokens;

namespace Slowrun.Client.Tests.Commands;

/// <summary><c>import</c>: weights of elsewhere become chains of a run. That silos then judge them is held by ImportedStageTests of the
/// grains.</summary>
public sealed class ImportCommandTests : IDisposable
{
    private readonly CommandLine cli = new();
    private readonly TemporaryFolder folder = new();

    private string Out => Path.Combine(folder.Path, "exported");

    public void Dispose() => folder.Dispose();

    [Theory]
    [InlineData("hf")]
    [InlineData("slowrun")]
    public async Task Import_OfAnExportedStage_HasItsHashItsModelAndItsData(string format)
    {
        var run = await ScoredRun.CreateAsync(cli, "model.xsa={strength: Learnable}", "stage.recurrence={passes: 2}", "stage.loop=null");
        var snapshot = await run.FinishAsync("chain0/stage0", Weights(run.Spec.Recipe.Model, 1));
        Assert.Equal(0, await cli.RunAsync("export", "scored/chain0/stage0", "--format", format, "--out", Out));

        var data = format == "hf" ? [] : new[] { "--data", run.Spec.Recipe.Data.Sha256! };
        Assert.Equal(0, await cli.RunAsync(["import", Out, "--name", "theirs", .. data]));

        Assert.Contains(snapshot.Sha256, cli.Output, StringComparison.Ordinal);
        Assert.Contains("Run 'theirs' is submitted.", cli.Output, StringComparison.Ordinal);
        var spec = await SpecAsync("theirs");
        Assert.Equal([snapshot.Sha256], Assert.Single(spec.Recipe.Chains).Imported);
        Assert.Equal(run.Spec.Recipe.Data.Sha256, spec.Recipe.Data.Sha256);
        Assert.Equal(Core.CanonicalJson.Sha256(run.Spec.Recipe.Model), Core.CanonicalJson.Sha256(spec.Recipe.Model));
        var stage = new Core.Plan.RunPlan(spec.Recipe).Stages.Single();
        Assert.Equal((2, null), (stage.Stage.Recurrence?.Passes, stage.Stage.Loop));
        await VerifyAsync("theirs", snapshot.Sha256);

        // Again: it is there.
        Assert.Equal(0, await cli.RunAsync(["import", Out, "--name", "theirs", .. data]));
        Assert.Contains("was there already", cli.Output, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Import_OfSeveralModels_IsAChainForEach()
    {
        var run = await ScoredRun.CreateAsync(cli);
        var hashes = new List<string>();
        foreach (var (i, stage) in run.Plan.Stages.Select(stage => stage.Id.ToString()).Index())
        {
            hashes.Add((await run.FinishAsync(stage, Weights(run.Spec.Recipe.Model, i))).Sha256);
        }

        Assert.Equal(0, await cli.RunAsync("export", "scored", "--out", Out));
        Assert.Equal(0, await cli.RunAsync("import", Out, "--spec", "micro", "--name", "theirs", "--data", run.Spec.Recipe.Data.Sha256!));

        Assert.Equal(hashes, (await SpecAsync("theirs")).Recipe.Chains.SelectMany(chain => chain.Imported!));
    }

    /// <summary>Names of a compiled module, numbers of half the size, tables that are computed: as training scripts save them.</summary>
    [Fact]
    public async Task Import_OfAScriptsFile_TakesOverWhatIsTheModels()
    {
        var run = await ScoredRun.CreateAsync(cli);
        var model = run.Spec.Recipe.Model;
        TensorData[] weights = [.. Weights(model, 1).Select(Halved)];
        var file = Path.Combine(folder.Path, "Model_0.safetensors");
        TensorData[] saved =
        [
            .. weights.Select(tensor => tensor with { Name = $"_orig_mod.{tensor.Name}" }),
            new("_orig_mod.cos", ElementType.F32, [1], new byte[4]),
            new("_orig_mod.mtp_proj.weight", ElementType.F32, [1], new byte[4]),
        ];
        await File.WriteAllBytesAsync(file, Bytes(saved), CommandLine.Stop);

        Assert.Equal(0, await cli.RunAsync("import", file, "--spec", "micro", "--data", run.Spec.Recipe.Data.Sha256!));

        Assert.Contains("1 tables of rotary angles are left out", cli.Error, StringComparison.Ordinal);
        Assert.Contains("model.mtpBlock", cli.Error, StringComparison.Ordinal);
        var sha256 = (await SpecAsync("model-0")).Recipe.Chains[0].Imported![0];
        var stored = await new SnapshotStore(await cli.StoreAsync(), "model-0", cli.Time).ReadAsync(sha256, CommandLine.Stop);
        Assert.Equal(weights.Select(tensor => tensor.Name).Order(StringComparer.Ordinal), stored.Select(tensor => tensor.Name));
        foreach (var tensor in stored)
        {
            var half = MemoryMarshal.Cast<byte, ushort>(weights.Single(one => one.Name == tensor.Name).Bytes.Span);
            Assert.Equal(
                half.ToArray().Select(bits => BitConverter.UInt32BitsToSingle((uint)bits << 16)),
                MemoryMarshal.Cast<byte, float>(tensor.Bytes.Span).ToArray()
            );
        }
    }

    /// <summary>Nothing is trained, so no training tokens are asked for; it is judged on what a training run would be.</summary>
    [Fact]
    public async Task Import_JudgedOnAShortText_NeedsNoTrainingTokens()
    {
        var run = await ScoredRun.CreateAsync(cli);
        var file = await SavedAsync(Weights(run.Spec.Recipe.Model, 1));
        var text = Path.Combine(folder.Path, "short.txt");
        await File.WriteAllLinesAsync(
            text,
            Enumerable
                .Range(0, 400)
                .Select(i => $"Paragraph {i} {string.Concat(Enumerable.Repeat($"says {i * i} and ", 12))}that is all.\n"),
            CommandLine.Stop
        );
        string[] command =
        [
            "import",
            file,
            "--spec",
            "micro",
            "--text",
            text,
            "--set",
            "data.trainTokens=100000000",
            "--set",
            "data.fitnessTokens=64",
            "--set",
        ];

        Assert.Equal(1, await cli.RunAsync([.. command, "data.validationTokens=99999"]));
        Assert.Contains("validation tokens, the recipe asks for 99999", cli.Error, StringComparison.Ordinal);
        Assert.Equal(0, await cli.RunAsync([.. command, "data.validationTokens=256"]));

        var data = (await SpecAsync("weights")).Recipe.Data;
        var manifest = await new StoredTokenSets(await cli.StoreAsync()).ReadManifestAsync(data.Sha256!, CommandLine.Stop);
        Assert.Equal((64, 256), (manifest.Fitness!.Tokens, manifest.Validation!.Tokens));
        Assert.Equal(data.TrainTokens, manifest.Train.Tokens);
        Assert.InRange(data.TrainTokens, 1, 99_999_999);
        // Again: it is there.
        Assert.Equal(0, await cli.RunAsync([.. command, "data.validationTokens=256"]));
        Assert.Contains("was there already", cli.Output, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Import_OfAnotherModelsWeights_SaysWhichTensorsAreMissing()
    {
        var run = await ScoredRun.CreateAsync(cli);
        var file = await SavedAsync(Weights(run.Spec.Recipe.Model, 1));

        Assert.Equal(
            2,
            await cli.RunAsync(
                "import",
                file,
                "--spec",
                "micro",
                "--set",
                "model.layers=4",
                "--set",
                "stage.loop=null",
                "--data",
                run.Spec.Recipe.Data.Sha256!
            )
        );

        Assert.Contains("tensors that the recipe's model has are missing", cli.Error, StringComparison.Ordinal);
        Assert.Contains("transformer.h.2.", cli.Error, StringComparison.Ordinal);
        Assert.Null(await new RunDocuments(await cli.StoreAsync(), "weights").TryReadSpecAsync(CommandLine.Stop));
    }

    [Fact]
    public async Task Import_OfWeightsWithoutANumber_IsRefused()
    {
        var run = await ScoredRun.CreateAsync(cli);
        var weights = Weights(run.Spec.Recipe.Model, 1);
        weights[0] = weights[0] with { Bytes = MemoryMarshal.AsBytes<float>([float.NaN, 1]).ToArray() };

        Assert.Equal(2, await cli.RunAsync("import", await SavedAsync(weights), "--spec", "micro"));

        Assert.Contains($"number 0 of tensor '{weights[0].Name}' is NaN", cli.Error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Import_OfAFileWithoutASpec_AsksForOne()
    {
        var run = await ScoredRun.CreateAsync(cli);

        Assert.Equal(2, await cli.RunAsync("import", await SavedAsync(Weights(run.Spec.Recipe.Model, 1))));

        Assert.Contains("name a spec that does with --spec", cli.Error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Import_UnderTheNameOfATrainedRun_UploadsNothing()
    {
        var run = await ScoredRun.CreateAsync(cli);
        var file = await SavedAsync(Weights(run.Spec.Recipe.Model, 1));

        Assert.Equal(2, await cli.RunAsync("import", file, "--spec", "micro", "--name", "scored"));

        Assert.Contains("Run 'scored' in", cli.Error, StringComparison.Ordinal);
        Assert.Contains("is trained, not imported", cli.Error, StringComparison.Ordinal);
        var store = await cli.StoreAsync();
        Assert.Empty(await store.ListAsync("runs/scored/snapshots/", CommandLine.Stop).ToListAsync(CommandLine.Stop));
    }

    [Theory]
    [InlineData("{}", "describes no model that is known here")]
    [InlineData("""{"model_type": "gpt2"}""", "a model of type 'gpt2'")]
    [InlineData("""{"model_type": "slowrun_ensemble", "members": [{"folder": "../x"}]}""", "names no members in folders beside it")]
    [InlineData("[", "is no JSON")]
    public async Task Import_OfAFolderOfAnotherKind_SaysWhatItIs(string config, string expected)
    {
        Directory.CreateDirectory(Out);
        await File.WriteAllTextAsync(Path.Combine(Out, "config.json"), config, CommandLine.Stop);

        Assert.Equal(2, await cli.RunAsync("import", Out));

        Assert.Contains(expected, cli.Error, StringComparison.Ordinal);
    }

    private async Task<RunSpec> SpecAsync(string run) =>
        (await new RunDocuments(await cli.StoreAsync(), run).TryReadSpecAsync(CommandLine.Stop))!;

    private async Task VerifyAsync(string run, string sha256) =>
        await new SnapshotStore(await cli.StoreAsync(), run, cli.Time).VerifyAsync(sha256, CommandLine.Stop);

    private async Task<string> SavedAsync(TensorData[] weights)
    {
        var file = Path.Combine(folder.Path, "weights.safetensors");
        await File.WriteAllBytesAsync(file, Bytes(weights), CommandLine.Stop);
        return file;
    }

    private static byte[] Bytes(TensorData[] tensors)
    {
        using var content = SafetensorsWriter.OpenRead(tensors);
        using var bytes = new MemoryStream();
        content.CopyTo(bytes);
        return bytes.ToArray();
    }

    private static TensorData[] Weights(ModelRecipe model, int seed)
    {
        var random = new Random(seed);
        return
        [
            .. ParameterTable
                .Of(model)
                .Select(parameter => new TensorData(
                    parameter.Name,
                    ElementType.F32,
                    parameter.Shape,
                    MemoryMarshal
                        .AsBytes<float>([.. Enumerable.Range(0, (int)parameter.Count).Select(_ => random.NextSingle() - 0.5f)])
                        .ToArray()
                )),
        ];
    }

    private static TensorData Halved(TensorData tensor)
    {
        var half = new ushort[tensor.Bytes.Length / sizeof(float)];
        Bfloat16.Round(MemoryMarshal.Cast<byte, float>(tensor.Bytes.Span), half);
        return tensor with { Type = ElementType.BF16, Bytes = MemoryMarshal.AsBytes<ushort>(half).ToArray() };
    }
}
