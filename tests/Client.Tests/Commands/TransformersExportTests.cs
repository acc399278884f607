using System.Diagnostics;
using System.Runtime.InteropServices;
using System.Text.Json;
using Slowrun.Client.Results.Transformers;
using Slowrun.Client.Tests.Results;
using Slowrun.Core.Models;
using Slowrun.Core.Tensors;
using Slowrun.Storage.Safetensors;

namespace Slowrun.Client.Tests.Commands;

/// <summary><c>export --format hf</c>: folders for Hugging Face's transformers. That the described model is the trained one is held by
/// TransformersForwardTests of the engine.</summary>
public sealed class TransformersExportTests : IDisposable
{
    private static readonly string[] ModelFiles =
    [
        "README.md",
        "config.json",
        "configuration_slowrun.py",
        "generation_config.json",
        "merges.txt",
        "model.safetensors",
        "modeling_slowrun.py",
        "tokenizer.json",
        "tokenizer_config.json",
        "vocab.json",
    ];

    private readonly CommandLine cli = new();
    private readonly TemporaryFolder folder = new();

    private string Out => Path.Combine(folder.Path, "hf");

    public void Dispose() => folder.Dispose();

    [Fact]
    public async Task Export_OfAStage_IsAFolderOfItsModel()
    {
        var run = await ScoredRun.CreateAsync(cli);
        await run.FinishAllAsync();

        Assert.Equal(0, await cli.RunAsync("export", "scored/chain0/stage1", "--format", "hf", "--out", Out));

        Assert.Equal(ModelFiles, Files(Out));
        var plan = run.Plan.Stages.Single(stage => stage.Id.ToString() == "chain0/stage1");
        var config = Json("config.json");
        var expected = JsonDocument.Parse(TransformersConfig.Of(plan.Model, plan.Stage, documentStart: 256).Json()).RootElement;
        Assert.All(
            expected.EnumerateObject().Where(field => field.Name != "slowrun"),
            field => Assert.Equal(field.Value.GetRawText(), config.GetProperty(field.Name).GetRawText())
        );
        Assert.Equal("slowrun", config.GetProperty("model_type").GetString());
        Assert.Equal("modeling_slowrun.SlowrunForCausalLM", config.GetProperty("auto_map").GetProperty("AutoModelForCausalLM").GetString());
        Assert.Equal("configuration_slowrun.SlowrunConfig", config.GetProperty("auto_map").GetProperty("AutoConfig").GetString());
        Assert.Equal("chain0/stage1", config.GetProperty("slowrun").GetProperty("stage").GetString());
        Assert.Equal(256, Json("generation_config.json").GetProperty("eos_token_id").GetInt32());
        Assert.Equal(run.Spec.Recipe.Model.SequenceLength, Json("tokenizer_config.json").GetProperty("model_max_length").GetInt32());
    }

    [Fact]
    public async Task Export_BesideAFolderOfSomebodyElse_LeavesThatAlone()
    {
        var run = await ScoredRun.CreateAsync(cli);
        await run.FinishAllAsync();
        Directory.CreateDirectory($"{Out}.part");
        await File.WriteAllTextAsync(Path.Combine($"{Out}.part", "mine"), "", CommandLine.Stop);

        Assert.Equal(2, await cli.RunAsync("export", "scored/chain0/stage1", "--format", "hf", "--out", Out));

        Assert.Contains("is in the way", cli.Error, StringComparison.Ordinal);
        Assert.Equal(["mine"], Files($"{Out}.part"));
        Assert.False(Directory.Exists(Out));
    }

    [Fact]
    public void IsMountPoint_OfATableOfMounts_IsSoForTheirFoldersAlone()
    {
        var table = Path.Combine(folder.Path, "mountinfo");
        File.WriteAllText(table, "36 35 98:0 /root /mnt/two\\040words rw,noatime master:1 - ext3 /dev/root rw\n");

        Assert.True(PartFolder.IsMountPoint("/mnt/two words", table));
        Assert.False(PartFolder.IsMountPoint("/mnt", table));
        Assert.True(PartFolder.IsMountPoint("/proc", "/proc/self/mountinfo"));
    }

    [Fact]
    public async Task Export_OfAStage_HasTheSnapshotsTensors()
    {
        var run = await ScoredRun.CreateAsync(cli);
        TensorData[] weights = [Tensor("lm_head.weight", 1, 2, 3), Tensor("mtp_proj.weight", 4), Tensor("transformer.wte.weight", 5, 6)];
        var snapshot = await run.FinishAsync("chain0/stage0", weights);

        Assert.Equal(0, await cli.RunAsync("export", "scored/chain0/stage0", "--format", "hf", "--out", Out));

        var read = await ReadAsync(Out);
        Assert.Equal(weights.Select(Described), read.Select(Described));
        // Written as a snapshot is, they are the snapshot: nothing was lost on the way.
        using var again = SafetensorsWriter.OpenRead(read);
        Assert.Equal(
            snapshot.Sha256,
            Convert.ToHexStringLower(await System.Security.Cryptography.SHA256.HashDataAsync(again, CommandLine.Stop))
        );
        Assert.Equal(snapshot.Sha256, Json("config.json").GetProperty("slowrun").GetProperty("snapshot_sha256").GetString());
    }

    [Fact]
    public async Task Export_OfARun_IsAFolderForEachFinishedStage()
    {
        var run = await ScoredRun.CreateAsync(cli);
        await run.FinishAllAsync("chain1/stage1");

        Assert.Equal(0, await cli.RunAsync("export", ScoredRun.Name, "--format", "hf", "--out", Out));

        Assert.Equal(["chain0-stage0", "chain0-stage1", "chain1-stage0"], Folders(Out));
        Assert.All(Folders(Out), name => Assert.Equal(ModelFiles, Files(Path.Combine(Out, name))));
        Assert.Contains("3 of 4 stages have finished", cli.Error, StringComparison.Ordinal);
        Assert.Contains(Path.Combine(Out, "chain0-stage1", "model.safetensors"), cli.Output, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Export_OfAnEnsemble_IsAFolderForEachMemberAndTheClassThatMixesThem()
    {
        var run = await ScoredRun.CreateAsync(cli, "ensemble.selection.steps=40");
        await run.FinishAllAsync();

        Assert.Equal(0, await cli.RunAsync("export", ScoredRun.Name, "--format", "hf", "--ensemble", Out, "--select", "2"));

        var config = Json("config.json");
        Assert.Equal(
            ("slowrun_ensemble", "probabilities", "modeling_slowrun.SlowrunEnsemble", 257),
            (
                config.GetProperty("model_type").GetString(),
                config.GetProperty("average").GetString(),
                config.GetProperty("auto_map").GetProperty("AutoModelForCausalLM").GetString(),
                config.GetProperty("vocab_size").GetInt32()
            )
        );
        var members = Members(config);
        Assert.Equal(2, members.Count);
        Assert.Equal(1, members.Values.Sum(), 1e-12);
        Assert.Equal(members.Keys.Order(StringComparer.Ordinal), Folders(Out));
        Assert.All(Folders(Out), name => Assert.Contains("model.safetensors", Files(Path.Combine(Out, name))));
        Assert.Equal(ModelFiles.Except(["model.safetensors"]), Files(Out));
        Assert.Contains(
            "| all together | 1 |",
            await File.ReadAllTextAsync(Path.Combine(Out, "README.md"), CommandLine.Stop),
            StringComparison.Ordinal
        );
    }

    [Theory]
    [InlineData("Probabilities", "chain0-stage0,chain0-stage0-late0,chain0-stage1", 0.25, "probabilities")]
    [InlineData("Logits", "chain0-stage0,chain0-stage1", 0.5, "logits")]
    public async Task Export_OfMembersWithEarlierModels_WeighsThemAsTheRunDoes(string average, string folders, double first, string name)
    {
        var run = await ScoredRun.CreateAsync(cli, $"ensemble.average={average}");
        await run.FinishAsync("chain0/stage0", Tensor("wte.weight", 1), Tensor("late0/wte.weight", 2));
        await run.ScoreAsync("chain0/stage0");
        await run.FinishAsync("chain0/stage1");
        await run.ScoreAsync("chain0/stage1");

        Assert.Equal(
            0,
            await cli.RunAsync("export", ScoredRun.Name, "--format", "hf", "--ensemble", Out, "--members", "chain0/stage0,chain0/stage1")
        );

        var config = Json("config.json");
        Assert.Equal(folders.Split(','), Members(config).Keys);
        Assert.Equal((first, 0.5), (Members(config)["chain0-stage0"], Members(config)["chain0-stage1"]));
        Assert.Equal(name, config.GetProperty("average").GetString());
    }

    [Fact]
    public async Task Export_OfAStageWithEarlierModels_IsTheirEvenMixture()
    {
        var run = await ScoredRun.CreateAsync(cli);
        await run.FinishAsync("chain0/stage0", Tensor("wte.weight", 1), Tensor("late0/wte.weight", 2));

        Assert.Equal(0, await cli.RunAsync("export", "scored/chain0/stage0", "--format", "hf", "--out", Out));

        Assert.Equal(
            [("chain0-stage0", 0.5), ("chain0-stage0-late0", 0.5)],
            Members(Json("config.json")).Select(member => (member.Key, member.Value))
        );
        Assert.Equal(Described(Tensor("wte.weight", 1)), Described(Assert.Single(await ReadAsync(Path.Combine(Out, "chain0-stage0")))));
        Assert.Equal(
            Described(Tensor("wte.weight", 2)),
            Described(Assert.Single(await ReadAsync(Path.Combine(Out, "chain0-stage0-late0"))))
        );
    }

    [Fact]
    public async Task Export_Twice_GivesTheSameBytesAndLeavesNothingBesideThem()
    {
        var run = await ScoredRun.CreateAsync(cli);
        await run.FinishAllAsync();
        var other = Path.Combine(folder.Path, "other");
        // What a client left that died over it.
        Directory.CreateDirectory($"{Out}.part");
        await File.WriteAllTextAsync(Path.Combine($"{Out}.part", "left"), "", CommandLine.Stop);
        await File.WriteAllTextAsync(Path.Combine($"{Out}.part", ".slowrun-part"), "", CommandLine.Stop);
        Directory.CreateDirectory(other);

        await cli.RunAsync("export", "scored/chain1/stage1", "--format", "hf", "--out", Out, "--dtype", "bf16");
        await cli.RunAsync("export", "scored/chain1/stage1", "--format", "hf", "--out", other, "--dtype", "bf16");

        Assert.Equal(["hf", "other"], Folders(folder.Path));
        Assert.Equal(ModelFiles, Files(Out));
        Assert.All(
            ModelFiles,
            name => Assert.Equal(File.ReadAllBytes(Path.Combine(Out, name)), File.ReadAllBytes(Path.Combine(other, name)))
        );
        Assert.Equal(ElementType.BF16, Assert.Single(await ReadAsync(Out)).Type);
    }

    [Fact]
    public async Task Export_IntoAFolderWithSomethingInIt_LeavesItAlone()
    {
        var run = await ScoredRun.CreateAsync(cli);
        await run.FinishAllAsync();
        var file = folder.Write("note.txt", "mine");

        Assert.Equal(2, await cli.RunAsync("export", ScoredRun.Name, "--format", "hf", "--out", folder.Path));

        Assert.Contains("Name another folder, or empty this one.", cli.Error, StringComparison.Ordinal);
        Assert.Equal([file], Directory.GetFileSystemEntries(folder.Path));
    }

    [Fact]
    public async Task Export_OfADamagedSnapshot_LeavesNoFolder()
    {
        var run = await ScoredRun.CreateAsync(cli);
        var snapshot = await run.FinishAsync("chain0/stage0", Tensor("wte.weight", 1));
        using var other = SafetensorsWriter.OpenRead([Tensor("wte.weight", 2)]);
        var bytes = new byte[other.Length];
        await other.ReadExactlyAsync(bytes, CommandLine.Stop);
        await (await cli.StoreAsync()).WriteAsync(snapshot.Name, bytes, CommandLine.Stop);

        Assert.Equal(1, await cli.RunAsync("export", "scored/chain0/stage0", "--format", "hf", "--out", Out));

        Assert.Contains("is damaged or was exchanged", cli.Error, StringComparison.Ordinal);
        Assert.Empty(Directory.GetFileSystemEntries(folder.Path));
    }

    [Fact]
    public async Task Export_ForTransformers_HasACardWithDataRecipeLossesAndLineage()
    {
        var run = await ScoredRun.CreateAsync(cli);
        await run.FinishAllAsync();

        await cli.RunAsync("export", "scored/chain0/stage1", "--format", "hf", "--out", Out);

        var card = await File.ReadAllTextAsync(Path.Combine(Out, "README.md"), CommandLine.Stop);
        Assert.StartsWith("---\nlibrary_name: transformers\n", card, StringComparison.Ordinal);
        Assert.Contains("# scored, chain0/stage1\n", card, StringComparison.Ordinal);
        Assert.Contains($"SHA-256 of the data's manifest `{run.Spec.Recipe.Data.Sha256}`", card, StringComparison.Ordinal);
        Assert.Contains($"SHA-256 of the recipe `{Core.CanonicalJson.Sha256(run.Spec.Recipe)}`", card, StringComparison.Ordinal);
        Assert.Contains("\nrecipe:\n", card, StringComparison.Ordinal);
        Assert.Contains("| chain0/stage0 | ", card, StringComparison.Ordinal);
        Assert.DoesNotContain("chain1", card[..card.IndexOf("## Recipe", StringComparison.Ordinal)], StringComparison.Ordinal);
    }

    [Fact]
    public async Task Code_ForTransformers_IsPython()
    {
        var run = await ScoredRun.CreateAsync(cli);
        await run.FinishAllAsync();
        await cli.RunAsync("export", "scored/chain0/stage1", "--format", "hf", "--out", Out);
        var python = (Environment.GetEnvironmentVariable("PATH") ?? "")
            .Split(Path.PathSeparator)
            .Select(path => Path.Combine(path, "python3"))
            .FirstOrDefault(File.Exists);
        Assert.SkipWhen(python is null, "There is no python3 on this machine.");

        // Parsed, not run: transformers and torch need not be there.
        using var process = Process.Start(
            new ProcessStartInfo(
                python!,
                [
                    "-c",
                    "import sys\nfor name in sys.argv[1:]:\n    compile(open(name, encoding='utf-8').read(), name, 'exec')",
                    .. Directory.GetFiles(Out, "*.py"),
                ]
            )
            {
                RedirectStandardError = true,
            }
        )!;
        var error = await process.StandardError.ReadToEndAsync(CommandLine.Stop);
        await process.WaitForExitAsync(CommandLine.Stop);
        Assert.True(process.ExitCode == 0, error);
    }

    private static TensorData Tensor(string name, params float[] values) =>
        new(name, ElementType.F32, [values.Length], MemoryMarshal.AsBytes(values.AsSpan()).ToArray());

    private static string Described(TensorData tensor) =>
        $"{tensor.Name} {tensor.Type} [{string.Join(",", tensor.Shape)}] {Convert.ToHexString(tensor.Bytes.Span)}";

    private static async Task<IReadOnlyList<TensorData>> ReadAsync(string path)
    {
        await using var file = File.OpenRead(Path.Combine(path, "model.safetensors"));
        return await SafetensorsReader.ReadAsync(file, file.Length, "file", cancellationToken: CommandLine.Stop);
    }

    private static Dictionary<string, double> Members(JsonElement config) =>
        config
            .GetProperty("members")
            .EnumerateArray()
            .ToDictionary(member => member.GetProperty("folder").GetString()!, member => member.GetProperty("weight").GetDouble());

    private static IEnumerable<string> Files(string path) =>
        Directory.GetFiles(path).Select(file => Path.GetFileName(file)!).Order(StringComparer.Ordinal);

    private static IEnumerable<string> Folders(string path) =>
        Directory.GetDirectories(path).Select(name => Path.GetFileName(name)!).Order(StringComparer.Ordinal);

    private JsonElement Json(string name)
    {
        using var document = JsonDocument.Parse(File.ReadAllBytes(Path.Combine(Out, name)));
        return document.RootElement.Clone();
    }
}
