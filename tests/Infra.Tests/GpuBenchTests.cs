using System.Text.Json.Nodes;

namespace Slowrun.Infra.Tests;

/// <summary>bench/gpu/run.sh as it would run on a GPU, with toy sizes on a processor.</summary>
public sealed class GpuBenchTests
{
    private static readonly string Script = Path.Combine(Repository.Root, "bench", "gpu", "run.sh");

    // Two dozen processes of some seconds: profiles of methods and a second compilation pay for nothing.
    private static readonly Dictionary<string, string> Brief = new()
    {
        ["DOTNET_TieredPGO"] = "0",
        ["DOTNET_TC_CallCountThreshold"] = "300",
    };

    [Fact]
    public async Task Run_OnAProcessor_MeasuresEveryPartAndPrintsOneTable()
    {
        var folder = Directory.CreateTempSubdirectory("slowrun-gpu-bench-");
        try
        {
            var result = await Tool.RunAsync(Brief, "bash", Script, "--cpu", "--out", folder.FullName, "--seconds", "3600");

            Assert.True(result.ExitCode == 0, result.Error + result.Output);
            var lines = File.ReadLines(Path.Combine(folder.FullName, "results.jsonl"))
                .Select(line => JsonNode.Parse(line)!.AsObject())
                .ToList();
            // Without PyTorch or transformers there is nothing to compare with, and that is said; everything else is there.
            Assert.All(
                lines.Where(line => (string?)line["part"] == "cut"),
                line => Assert.Matches("^(reference-.*|transformers)$", (string?)line["name"])
            );
            Assert.Equal(
                ["10x-looped", "10x-plain", "10x-taught", "15m", "1h", "snapshots"],
                lines.Where(line => (string?)line["part"] == "step").Select(line => (string?)line["name"]).Order(StringComparer.Ordinal)
            );
            Assert.All(
                lines.Where(line => (string?)line["part"] == "step"),
                line =>
                    Assert.True(
                        line["tokensPerSecond"]!.GetValue<double>() > 0 && line["flops"]!.GetValue<double>() > 0,
                        line.ToJsonString()
                    )
            );
            Assert.Single(
                lines.Where(line => (string?)line["part"] is "hash" or "resume").Select(line => (string?)line["sha256"]).Distinct()
            );
            Assert.Equal(3, lines.Count(line => (string?)line["part"] is "hash" or "resume"));
            Assert.True((bool?)lines.Single(line => (string?)line["part"] == "weights")["equal"]);
            // Without g++ nothing plays a device, and that is said.
            var bits = lines.Single(line => (string?)line["part"] == "kernels");
            Assert.True(
                bits["why"] is not null || ((bool?)bits["repeated"] == true && (bool?)bits["asProcessor"] == true),
                bits.ToJsonString()
            );
            Assert.All(
                lines.Where(line => (string?)line["part"] == "kernel"),
                line => Assert.InRange(line["relativeError"]!.GetValue<double>(), 0, 0.01)
            );
            Assert.Equal(bits["why"] is null ? 8 : 0, lines.Count(line => (string?)line["part"] == "kernel"));
            Assert.Equal(bits["why"] is null ? 2 : 0, lines.Count(line => (string?)line["part"] == "kernel-step"));
            var hashes = lines.Where(line => (string?)line["part"] == "kernel-hash").Select(line => (string?)line["sha256"]).ToList();
            Assert.Equal(bits["why"] is null ? (2, 1) : (0, 0), (hashes.Count, hashes.Distinct().Count()));
            var workers = lines.Where(line => (string?)line["part"] == "workers").ToList();
            Assert.Equal(bits["why"] is null ? 2 : 1, workers.Count);
            Assert.All(workers, line => Assert.True((bool?)line["equal"], line.ToJsonString()));
            Assert.InRange(lines.Single(line => (string?)line["part"] == "gradients")["relativeError"]!.GetValue<double>(), 1e-6, 0.05);
            Assert.True(lines.Single(line => (string?)line["part"] == "capture")["stallSeconds"]!.GetValue<double>() >= 0);
            Assert.Contains("hashes of three steps, twice and after a kill: equal", result.Output, StringComparison.Ordinal);
            Assert.Matches(@"\n10x-plain +[\d,]+ ", result.Output);
            Assert.True(File.Exists(Path.Combine(folder.FullName, "results.json")));
        }
        finally
        {
            folder.Delete(recursive: true);
        }
    }

    /// <summary>What transformers_check.py reads: no machine that builds this has the library.</summary>
    [Fact]
    public async Task Exports_AreFoldersWithWhatIsExpectedOfThem()
    {
        var folder = Directory.CreateTempSubdirectory("slowrun-gpu-bench-");
        try
        {
            var program = Path.Combine(Repository.Root, "artifacts", "bin", "Slowrun.Gpu", "release", "Slowrun.Gpu");

            var result = await Tool.RunAsync(program, "exports", folder.FullName, "--cpu");

            Assert.True(result.ExitCode == 0, result.Error + result.Output);
            var expected = JsonNode.Parse(
                await File.ReadAllTextAsync(Path.Combine(folder.FullName, "expected.json"), TestContext.Current.CancellationToken)
            )!;
            var tokens = expected["tokens"]!.AsArray().Count;
            Assert.All(
                expected["models"]!.AsArray(),
                model =>
                {
                    var config = JsonNode.Parse(File.ReadAllText(Path.Combine(folder.FullName, (string)model!["folder"]!, "config.json")))!;
                    var logits = model["logits"]!.AsArray();
                    Assert.Equal(tokens * (int)config["vocab_size"]!, logits.Count);
                    Assert.True(logits.Select(logit => (double)logit!).Distinct().Count() > tokens, (string?)model["folder"]);
                    Assert.True(File.Exists(Path.Combine(folder.FullName, (string)model["folder"]!, "modeling_slowrun.py")));
                }
            );
            Assert.Contains("ensemble", expected["models"]!.AsArray().Select(model => (string?)model!["folder"]));
            Assert.Equal(2, expected["tokenizers"]!.AsArray().Count);
        }
        finally
        {
            folder.Delete(recursive: true);
        }
    }

    /// <summary>Parts that fail say why, cost no other part, and the table is printed: here because there is no device.</summary>
    [Fact]
    public async Task Run_WithoutADevice_SaysWhyOfEachPart()
    {
        Assert.SkipWhen(File.Exists("/dev/nvidiactl"), "This machine has a device.");
        var folder = Directory.CreateTempSubdirectory("slowrun-gpu-bench-");
        try
        {
            var app = Path.Combine(Repository.Root, "artifacts", "bin", "Slowrun.Gpu", "release");
            // A moment for the first part; the others say that no time was left.
            var result = await Tool.RunAsync("bash", Script, "--app", app, "--out", folder.FullName, "--seconds", "7");

            Assert.Equal(1, result.ExitCode);
            Assert.Contains("nvidia-smi does not answer", result.Output, StringComparison.Ordinal);
            Assert.Matches("not measured: ceilings \\((failed with 1: \\S.*|cut after \\d+ s|no time was left)\\)", result.Output);
            Assert.DoesNotContain("Program.<Main>", result.Output, StringComparison.Ordinal);
            Assert.Contains("not measured: step-snapshots (", result.Output, StringComparison.Ordinal);
        }
        finally
        {
            folder.Delete(recursive: true);
        }
    }

    [Fact]
    public async Task Run_WhenItsTimeIsOver_SaysWhatWasNotMeasured()
    {
        var folder = Directory.CreateTempSubdirectory("slowrun-gpu-bench-");
        try
        {
            var result = await Tool.RunAsync("bash", Script, "--cpu", "--out", folder.FullName, "--seconds", "0");

            Assert.Equal(1, result.ExitCode);
            Assert.Contains("not measured: step-10x-plain (no time was left)", result.Output, StringComparison.Ordinal);
        }
        finally
        {
            folder.Delete(recursive: true);
        }
    }

    [Theory]
    [InlineData("'--fast' is no option", "--fast")]
    [InlineData("'/none/Slowrun.Gpu' is not there", "--app", "/none")]
    [InlineData("--out wants a value", "--out")]
    public async Task Run_WithWhatItCannotUse_SaysSo(string message, params string[] arguments)
    {
        var result = await Tool.RunAsync("bash", [Script, .. arguments]);

        Assert.Equal(2, result.ExitCode);
        Assert.Contains(message, result.Error, StringComparison.Ordinal);
    }
}
