using System.Security.Cryptography;
using System.Text.Json;
using Slowrun.Client.Tests.Results;
using Slowrun.Core.Mixtures;
using Slowrun.Core.Tensors;
using Slowrun.Storage.Safetensors;

namespace Slowrun.Client.Tests.Commands;

public sealed class ExportCommandTests : IDisposable
{
    private readonly CommandLine cli = new();
    private readonly TemporaryFolder folder = new();

    public void Dispose() => folder.Dispose();

    [Fact]
    public async Task Export_OfARun_DescribesItsFilesInConfig()
    {
        var run = await ScoredRun.CreateAsync(cli);
        await run.FinishAllAsync();

        Assert.Equal(0, await cli.RunAsync("export", ScoredRun.Name, "--out", folder.Path));

        var config = Config("config.json");
        Assert.Equal(
            ("slowrun-export", "scored", "F32", "bytes", 257, 320),
            (
                Text(config, "format"),
                Text(config, "run"),
                Text(config, "dtype"),
                Text(config, "tokenizer"),
                config.GetProperty("vocabSize").GetInt32(),
                config.GetProperty("paddedVocabSize").GetInt32()
            )
        );
        Assert.Equal(run.Spec.Recipe.Model.Width, config.GetProperty("model").GetProperty("width").GetInt32());
        Assert.Equal(4, config.GetProperty("files").GetArrayLength());
        foreach (var file in config.GetProperty("files").EnumerateArray())
        {
            Assert.Equal(Sha256(Text(file, "file")), Text(file, "sha256"));
            Assert.Equal(Text(file, "snapshotSha256"), Text(file, "sha256"));
            Assert.Equal(Mixture.LossNats([run.Validation[Text(file, "stage")]]), file.GetProperty("lossNats").GetDouble());
            Assert.Equal([""], file.GetProperty("models").EnumerateArray().Select(model => model.GetString()));
            Assert.Equal(1, file.GetProperty("loop").GetProperty("start").GetInt32());
        }
    }

    [Fact]
    public async Task Export_Twice_GivesTheSameBytes()
    {
        var run = await ScoredRun.CreateAsync(cli);
        await run.FinishAllAsync();
        var other = Path.Combine(folder.Path, "other");

        await cli.RunAsync("export", ScoredRun.Name, "--out", folder.Path);
        await cli.RunAsync("export", ScoredRun.Name, "--out", other);

        Assert.Equal(Files(folder.Path), Files(other));
        Assert.All(Files(other), name => Assert.Equal(Sha256(name), Sha256(Path.Combine(other, name))));
    }

    [Fact]
    public async Task Export_InBfloat16_HasTheSameNamesHalfTheSizeAndBothHashes()
    {
        var run = await ScoredRun.CreateAsync(cli);
        await run.FinishAllAsync();

        Assert.Equal(0, await cli.RunAsync("export", "scored/chain0/stage1", "--out", folder.Path, "--dtype", "bf16"));

        await using var file = File.OpenRead(Path.Combine(folder.Path, "chain0-stage1.safetensors"));
        var tensor = Assert.Single(await SafetensorsReader.ReadAsync(file, file.Length, "file", cancellationToken: CommandLine.Stop));
        Assert.Equal(("wte.weight", ElementType.BF16, 4), (tensor.Name, tensor.Type, tensor.Bytes.Length));
        Assert.Equal([0x00, 0x40], tensor.Bytes.ToArray()[2..]);
        var described = Config("config.json").GetProperty("files")[0];
        Assert.Equal(Sha256("chain0-stage1.safetensors"), Text(described, "sha256"));
        Assert.NotEqual(Text(described, "snapshotSha256"), Text(described, "sha256"));
    }

    [Fact]
    public async Task Export_OfASnapshotWithEarlierModels_KeepsThemAndNamesTheirPrefixes()
    {
        var run = await ScoredRun.CreateAsync(cli);
        await run.FinishAsync(
            "chain0/stage0",
            [
                .. new[] { "", "late0/", "late1/" }.Select(
                    (prefix, i) => new TensorData($"{prefix}wte.weight", ElementType.F32, [1], new byte[] { (byte)i, 0, 0, 0 })
                ),
            ]
        );

        Assert.Equal(0, await cli.RunAsync("export", "scored/chain0/stage0", "--out", folder.Path));

        var file = Config("config.json").GetProperty("files")[0];
        Assert.Equal(["", "late0/", "late1/"], file.GetProperty("models").EnumerateArray().Select(model => model.GetString()));
        Assert.Equal(JsonValueKind.Null, file.GetProperty("lossNats").ValueKind);
    }

    [Fact]
    public async Task Export_OfFurtherStagesIntoTheSameFolder_DescribesAll()
    {
        var run = await ScoredRun.CreateAsync(cli);
        await run.FinishAllAsync();

        Assert.Equal(0, await cli.RunAsync("export", "scored/chain1/stage0", "--out", folder.Path));
        Assert.Equal(0, await cli.RunAsync("export", "scored/chain0/stage1", "--out", folder.Path));

        Assert.Equal(
            ["chain0-stage1.safetensors", "chain1-stage0.safetensors"],
            Config("config.json").GetProperty("files").EnumerateArray().Select(file => Text(file, "file"))
        );
        Assert.Equal(2, await cli.RunAsync("export", "scored/chain0/stage0", "--out", folder.Path, "--dtype", "bf16"));
        Assert.Contains("Name another folder, or empty this one.", cli.Error, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("""{ "model_type": "gpt2" }""")]
    [InlineData("no json")]
    [InlineData("[]")]
    public async Task Export_IntoAFolderWithAnotherConfig_LeavesItAlone(string content)
    {
        var run = await ScoredRun.CreateAsync(cli);
        await run.FinishAllAsync();
        var file = folder.Write("config.json", content);

        Assert.Equal(2, await cli.RunAsync("export", ScoredRun.Name, "--out", folder.Path));
        Assert.Contains("is of something else", cli.Error, StringComparison.Ordinal);
        Assert.Equal(content, await File.ReadAllTextAsync(file, CommandLine.Stop));
    }

    [Theory]
    [InlineData("--out", "config.json")]
    [InlineData("--out", "chain0-stage0.safetensors")]
    [InlineData("--out", "chain0-stage0.safetensors.part")]
    [InlineData("--ensemble", "ensemble.json")]
    public async Task Export_WhereADirectoryIsInTheWayOfAFile_NamesBothAndSaysWhatToDo(string option, string file)
    {
        var run = await ScoredRun.CreateAsync(cli);
        await run.FinishAllAsync();
        Directory.CreateDirectory(Path.Combine(folder.Path, file));

        Assert.Equal(1, await cli.RunAsync("export", ScoredRun.Name, option, folder.Path));

        Assert.Contains($"{option}: '{folder.Path}' cannot be written: ", cli.Error, StringComparison.Ordinal);
        Assert.Contains(file, cli.Error, StringComparison.Ordinal);
        Assert.Contains("Name another place, or make this one writable.", cli.Error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Export_OfAnEnsemble_SaysHowItsFilesMakeOnePrediction()
    {
        var run = await ScoredRun.CreateAsync(cli, "ensemble.selection.steps=40");
        await run.FinishAllAsync();

        Assert.Equal(0, await cli.RunAsync("export", ScoredRun.Name, "--ensemble", folder.Path, "--select", "2"));

        var ensemble = Config("ensemble.json");
        Assert.Equal(
            ("slowrun-ensemble", "Probabilities", "bytes"),
            (Text(ensemble, "format"), Text(ensemble, "average"), Text(ensemble, "tokenizer"))
        );
        var members = ensemble.GetProperty("members").EnumerateArray().ToList();
        Assert.Equal(2, members.Count);
        Assert.Equal(1, members.Sum(member => member.GetProperty("weight").GetDouble()), 1e-12);
        Assert.Equal(
            members.Select(member => Text(member, "file")).Concat(["config.json", "ensemble.json"]).Order(StringComparer.Ordinal),
            Files(folder.Path)
        );
        Assert.Equal(
            Mixture.LossNats(
                members.Select(member => (ReadOnlyMemory<float>)run.Validation[Text(member, "stage")]),
                [.. members.Select(member => member.GetProperty("weight").GetDouble())]
            ),
            ensemble.GetProperty("lossNats").GetDouble()
        );
        Assert.All(members, member => Assert.Equal(Sha256(Text(member, "file")), Text(member, "sha256")));
        Assert.Contains("sum over members of weight", Text(ensemble, "combine"), StringComparison.Ordinal);
        Assert.Contains("ensemble of 2: ", cli.Output, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Export_OfSomeMembersWhoseLogitsAreAveraged_HasNoLoss()
    {
        var run = await ScoredRun.CreateAsync(cli, "ensemble.average=Logits");
        await run.FinishAllAsync();

        Assert.Equal(
            0,
            await cli.RunAsync("export", ScoredRun.Name, "--ensemble", folder.Path, "--members", "chain0/stage0,chain1/stage1")
        );

        var ensemble = Config("ensemble.json");
        Assert.Equal(
            ("Logits", JsonValueKind.Null, 2),
            (Text(ensemble, "average"), ensemble.GetProperty("lossNats").ValueKind, ensemble.GetProperty("members").GetArrayLength())
        );
        Assert.Contains("softmax(sum over members", Text(ensemble, "combine"), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("export takes --out DIR or --ensemble DIR", "scored")]
    [InlineData("export takes --out DIR or --ensemble DIR", "scored", "--out", "a", "--ensemble", "b")]
    [InlineData("--out exports every finished stage", "scored", "--out", "a", "--select", "1")]
    [InlineData("Name the run alone: 'scored'", "scored/chain0/stage0", "--ensemble", "a")]
    [InlineData("f16", "scored", "--out", "a", "--dtype", "f16")]
    public async Task Export_OfAWrongCommandLine_IsAUsageError(string message, params string[] arguments)
    {
        await ScoredRun.CreateAsync(cli);

        Assert.Equal(2, await cli.RunAsync(["export", .. arguments]));
        Assert.Contains(message, cli.Error, StringComparison.Ordinal);
        Assert.False(Directory.Exists("a"));
    }

    private static string Text(JsonElement json, string field) => json.GetProperty(field).GetString()!;

    private static IEnumerable<string> Files(string path) =>
        Directory.GetFiles(path).Select(file => Path.GetFileName(file)!).Order(StringComparer.Ordinal);

    private JsonElement Config(string name)
    {
        using var document = JsonDocument.Parse(File.ReadAllBytes(Path.Combine(folder.Path, name)));
        return document.RootElement.Clone();
    }

    private string Sha256(string name) => Convert.ToHexStringLower(SHA256.HashData(File.ReadAllBytes(Path.Combine(folder.Path, name))));
}
