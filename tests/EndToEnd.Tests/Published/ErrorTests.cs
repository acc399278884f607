using System.Globalization;
using System.Net;
using System.Net.Sockets;

namespace Slowrun.EndToEnd.Tests.Published;

/// <summary>What goes wrong at a user's, through the published client: the exit code, what is said, and never a trace.</summary>
[Collection(Cli.Waiting)]
public sealed class ErrorTests(CalmTiny calm, PublishedClient client) : IDisposable
{
    // A silo of which nothing but a fresh heartbeat is left.
    private const string Membership = """
        {"format":1,"version":1,"writeId":"1","rows":[{"eTag":"1","silo":"127.0.0.1:2@0","siloName":"gone","status":"Active","iAmAliveTime":"NOW"}]}
        """;

    private readonly TemporaryStore folder = new();

    public void Dispose() => folder.Dispose();

    [Theory]
    [InlineData(2, "'slowrun' has no command 'stauts'. Did you mean 'status'?", "stauts", "tiny")]
    [InlineData(2, "Did you mean '--watch'?", "status", "tiny", "--wacht")]
    [InlineData(2, "--output: found 'yaml', expected ", "status", "tiny", "-o", "yaml")]
    [InlineData(2, "RUN", "status")]
    [InlineData(3, "/none-of-that-name'", "status", "tiny", "--store", "/none-of-that-name")]
    [InlineData(3, "There is no run 'tinny' in '{store}'. Did you mean 'tiny'?", "status", "tinny")]
    [InlineData(3, "Run 'tiny' has no stage 'chain9/stage0'. Did you mean", "pause", "tiny/chain9/stage0")]
    [InlineData(3, "'tinny' is neither a file nor a preset. Did you mean 'tiny'?", "run", "tinny")]
    [InlineData(2, "there is no field 'layerz' here. Did you mean 'layers'?", "spec", "validate", "tiny", "--set", "model.layerz=5")]
    [InlineData(
        2,
        "Run 'tiny' in '{store}' has another recipe, and a recipe cannot change:\n  recipe.seed: ",
        "submit",
        "tiny",
        "--set",
        "seed=7"
    )]
    [InlineData(2, "model.layers is 4, and would become 6", "set", "tiny", "model.layers=6")]
    [InlineData(1, "'tiny' has ended already", "pause", "tiny")]
    [InlineData(1, "'runs/tiny/spec' cannot be read", "status", "tiny", "--store", "{folder}/broken")]
    [InlineData(3, "{folder}/file", "list", "--store", "{folder}/file")]
    [InlineData(3, "There is no silo 'gone': none serves", "drain", "gone")]
    [InlineData(4, "Silo 'gone' (127.0.0.1:2@0) serves '{folder}/dead' but did not answer", "drain", "gone", "--store", "{folder}/dead")]
    [InlineData(1, "The silo's program was not found: looked for '/none'", "silo", "--store", "{folder}/new")]
    public async Task Command_ThatCannotSucceed_SaysWhyAndExitsAsPromised(int exitCode, string message, params string[] arguments)
    {
        await PrepareAsync();

        var result = await client.RunAsync(
            new()
            {
                ["SLOWRUN_STORE"] = calm.Cli.Store,
                ["SLOWRUN_SILO"] = "/none",
                ["TMPDIR"] = folder.Path,
            },
            [.. arguments.Select(Filled), "--verbose"]
        );

        Assert.Equal((exitCode, ""), (result.ExitCode, result.Output));
        Assert.StartsWith("slowrun: ", result.Error, StringComparison.Ordinal);
        Assert.Contains(Filled(message), result.Error, StringComparison.Ordinal);
        Assert.DoesNotContain("   at ", result.Error, StringComparison.Ordinal);
        Assert.DoesNotContain("Unhandled", result.Error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Silo_WhenItsPortIsTaken_SaysWhichAndExitsWithOne()
    {
        using var taken = new TcpListener(IPAddress.Loopback, 0);
        taken.Start();
        var port = ((IPEndPoint)taken.LocalEndpoint).Port.ToString(CultureInfo.InvariantCulture);

        var result = await client.RunAsync(
            new()
            {
                ["SLOWRUN_STORE"] = folder.Path,
                ["SLOWRUN_SILO"] = Cli.SiloPath,
                ["PATH"] = Environment.GetEnvironmentVariable("PATH")!,
                ["HOME"] = folder.Path,
            },
            "silo",
            "--slots",
            "cpu:1",
            "--port",
            port
        );

        Assert.Equal(1, result.ExitCode);
        Assert.Contains(port, result.Error, StringComparison.Ordinal);
        Assert.DoesNotContain("   at ", result.Error + result.Output, StringComparison.Ordinal);
    }

    private async Task PrepareAsync()
    {
        await WriteAsync("file", "");
        await WriteAsync("broken/runs/tiny/spec", "{");
        await WriteAsync(
            "dead/cluster/membership",
            Membership.Replace(
                "NOW",
                // Fresh for as long as may be: 20 s before and after its time.
                TimeProvider.System.GetUtcNow().AddSeconds(15).UtcDateTime.ToString("O", CultureInfo.InvariantCulture),
                StringComparison.Ordinal
            )
        );
    }

    private async Task WriteAsync(string name, string content)
    {
        var path = Path.Combine(folder.Path, name);
        Directory.CreateDirectory(Path.GetDirectoryName(path)!);
        await File.WriteAllTextAsync(path, content, TestContext.Current.CancellationToken);
    }

    private string Filled(string text) =>
        text.Replace("{store}", calm.Cli.Store, StringComparison.Ordinal).Replace("{folder}", folder.Path, StringComparison.Ordinal);
}
