using System.Text.Json;
using Slowrun.Client.Cli;

namespace Slowrun.Client.Tests.Commands;

public sealed class PlanCommandTests
{
    private readonly CommandLine line = new();

    [Fact]
    public async Task Plan_OfAMissingFileOfMachines_NamesOptionAndFile()
    {
        Assert.Equal(ExitCode.NoSuchThing, await line.RunAsync("plan", "micro", "--machines", "/nowhere/machines.yaml"));

        Assert.Contains("--machines: there is no file '/nowhere/machines.yaml'.", line.Error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Plan_OfAPreset_NamesEveryInputWithItsSourceAndHowToChangeIt()
    {
        Assert.Equal(ExitCode.Done, await line.RunAsync("plan", "slowrun-10x", "--replications", "10", "-o", "json"));

        using var json = JsonDocument.Parse(line.Output);
        var inputs = json.RootElement.GetProperty("inputs").EnumerateArray().ToList();
        Assert.All(
            inputs,
            input =>
                Assert.All(new[] { "name", "value", "from", "change" }, field => Assert.NotEmpty(input.GetProperty(field).GetString()!))
        );
        Assert.Contains(inputs, input => input.GetProperty("from").GetString()!.StartsWith("ESTIMATE", StringComparison.Ordinal));
        var finish = json.RootElement.GetProperty("outcome").GetProperty("finishSeconds");
        Assert.True(finish.GetProperty("p10").GetDouble() <= finish.GetProperty("p90").GetDouble());
        Assert.True(json.RootElement.GetProperty("alternatives").GetArrayLength() >= 4);
    }

    [Theory]
    [InlineData("{stages: 2, imported: [HASH]}", ExitCode.Done, "")]
    [InlineData("{imported: [HASH]}", ExitCode.Usage, "All models of 'micro' are imported: nothing is trained")]
    public async Task Plan_OfImportedModels_PlansWhatIsTrained(string chain, int exitCode, string message)
    {
        var set = $"chains=[{chain.Replace("HASH", new string('a', 64), StringComparison.Ordinal)}]";

        Assert.Equal(exitCode, await line.RunAsync("plan", "micro", "--set", set, "--replications", "5"));

        Assert.Contains(message, line.Error, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(null, ExitCode.NoSuchThing, "'slowrun chaos SPEC -o json > ")]
    [InlineData("{", ExitCode.Usage, "cannot be read")]
    [InlineData("[]", ExitCode.Usage, "has no member 'recorded'")]
    [InlineData("""{"spec": "tiny"}""", ExitCode.Usage, "has no member 'recorded'")]
    [InlineData("""{"recorded": null}""", ExitCode.Usage, "Record one without the modes cluster and damage.")]
    [InlineData("""{"recorded": {"machines": 3}}""", ExitCode.Usage, "cannot be read")]
    public async Task Replay_OfWhatChaosDidNotRecord_SaysWhatIsExpected(string? content, int exitCode, string message)
    {
        using var folder = new TemporaryFolder();
        var file = content is null ? Path.Combine(folder.Path, "none.json") : folder.Write("a.json", content);

        Assert.Equal(exitCode, await line.RunAsync("plan", "--replay", file));

        Assert.Contains(message, line.Error, StringComparison.Ordinal);
        Assert.Contains(file, line.Error, StringComparison.Ordinal);
    }

    /// <summary>Names of what 'chaos -o json' recorded, in the folder Replays: another recording is another file there.</summary>
    public static TheoryData<string> Recordings =>
        [.. Directory.GetFiles(Path.Combine(AppContext.BaseDirectory, "Replays"), "*.json").Select(file => Path.GetFileName(file)).Order()];

    /// <summary>The goal is 10 % of the finish, and 5 points of goodput (docs/plan.md).</summary>
    [Theory]
    [MemberData(nameof(Recordings))]
    public async Task Replay_OfARecordedChaosRun_ComesNearWhatHappened(string recording)
    {
        Assert.Equal(
            ExitCode.Done,
            await line.RunAsync("plan", "--replay", Path.Combine(AppContext.BaseDirectory, "Replays", recording), "-o", "json")
        );

        var replay = Assert.Single(line.Json().EnumerateArray());
        Assert.True(replay.GetProperty("losses").GetInt32() > 0);
        var result = replay.GetProperty("result");
        Assert.InRange(result.GetProperty("finishError").GetDouble(), -0.10, 0.10);
        Assert.InRange(result.GetProperty("goodputError").GetDouble(), -0.05, 0.05);
    }

    [Fact]
    public async Task Plan_WithGivenFigures_SaysThatTheyAreGiven()
    {
        await line.RunAsync(
            "plan",
            "tiny",
            "--fleet",
            "2",
            "--price",
            "3.5",
            "--evictions-per-hour",
            "0",
            "--tokens-per-second",
            "1000",
            "--assume",
            "restore=10s",
            "--replications",
            "2",
            "--deadline",
            "1d"
        );

        Assert.Contains("2 machines Standard_NC40ads_H100_v5, spot", line.Output, StringComparison.Ordinal);
        Assert.Contains("3.500", line.Output, StringComparison.Ordinal);
        Assert.Contains("Cheapest for", line.Output, StringComparison.Ordinal);
        Assert.Contains("Nothing is lost", line.Output, StringComparison.Ordinal);
        Assert.DoesNotContain("ESTIMATE", line.Output, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Plan_WithAGivenPrice_KeepsTheFilesPriceOfTheOtherMarket()
    {
        // One stage after the other on one machine that is never evicted: what differs is the price alone.
        await line.RunAsync(
            "plan",
            "tiny",
            "--fleet",
            "1",
            "--price",
            "3.49",
            "--evictions-per-hour",
            "0",
            "--tokens-per-second",
            "1000",
            "--replications",
            "1",
            "--deadline",
            "1d",
            "-o",
            "json"
        );

        var json = line.Json();
        var spot = json.GetProperty("outcome").GetProperty("cost").GetProperty("p50").GetDouble();
        var other = json.GetProperty("alternatives")
            .EnumerateArray()
            .Single(one => one.GetProperty("name").GetString()!.EndsWith("on-demand", StringComparison.Ordinal));
        // The list price is 6.98.
        Assert.Equal(2, other.GetProperty("outcome").GetProperty("cost").GetProperty("p50").GetDouble() / spot, 6);
        Assert.False(json.GetProperty("cheapest").GetProperty("onDemand").GetBoolean());
    }

    [Fact]
    public async Task Plan_WithAPicture_ComparesAllSizesAndMarketsAndDrawsThem()
    {
        using var folder = new TemporaryFolder();
        var file = Path.Combine(folder.Path, "fleets.png");

        Assert.Equal(
            ExitCode.Done,
            await line.RunAsync("plan", "demo", "--png", file, "--deadline", "1d", "--replications", "4", "-o", "json")
        );

        Assert.Equal(
            [0x89, (byte)'P', (byte)'N', (byte)'G'],
            (await File.ReadAllBytesAsync(file, TestContext.Current.CancellationToken))[..4]
        );
        // Three sizes, two markets, one to three machines: one a chain.
        var fleets = line.Json().GetProperty("fleets").EnumerateArray().ToList();
        Assert.Equal(3 * 2 * 3, fleets.Count);
        Assert.Equal(3, fleets.Select(one => one.GetProperty("size").GetString()).Distinct().Count());
        // Among all of them there is none that is cheaper.
        var cheapest = line.Json().GetProperty("cheapest").GetProperty("outcome").GetProperty("cost").GetProperty("p50").GetDouble();
        Assert.Equal(fleets.Min(one => one.GetProperty("outcome").GetProperty("cost").GetProperty("p50").GetDouble()), cheapest);
    }

    [Theory]
    [InlineData(null, new[] { 0, 2, 1 })]
    [InlineData("2", new[] { 2, 2, 2 })]
    public async Task Plan_OfMachinesOfMoreDevices_DividesTheChainsAmongThem(string? given, int[] expected)
    {
        string[] stages = given is null ? [] : ["--stages-per-machine", given];
        await line.RunAsync(
            ["plan", "demo", "--size", "Standard_ND96isr_H100_v5", "--deadline", "1d", "--replications", "2", "-o", "json", .. stages]
        );

        var fleets = line.Json().GetProperty("fleets").EnumerateArray().Where(one => one.GetProperty("onDemand").GetBoolean());
        Assert.Equal(
            expected,
            fleets
                .OrderBy(one => one.GetProperty("machines").GetInt32())
                .Select(one => one.GetProperty("stagesPerMachine") is { ValueKind: JsonValueKind.Number } most ? most.GetInt32() : 0)
        );
        Assert.Contains(
            line.Json().GetProperty("inputs").EnumerateArray(),
            input => input.GetProperty("name").GetString() == "stages of a machine at a time"
        );
    }

    [Fact]
    public async Task Plan_WithASize_ComparesNoOther()
    {
        await line.RunAsync(
            "plan",
            "tiny",
            "--size",
            "Standard_NC24ads_A100_v4",
            "--deadline",
            "1d",
            "--replications",
            "2",
            "--store-price",
            "2"
        );

        Assert.Contains("Cheapest for", line.Output, StringComparison.Ordinal);
        Assert.DoesNotContain("H100", line.Output, StringComparison.Ordinal);
        Assert.Contains("2.0", line.Output, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Plan_WithAPictureThatCannotBeWritten_SaysSoBeforeItSimulates()
    {
        Assert.Equal(ExitCode.NoSuchThing, await line.RunAsync("plan", "demo", "--png", "/nowhere/fleets.png"));

        Assert.Contains("--png: the folder '/nowhere' does not exist", line.Error, StringComparison.Ordinal);
        Assert.Empty(line.Output);
    }

    [Fact]
    public async Task Plan_OfARunThatKeepsMoreCheckpoints_SaysWhatTheStoreTakes()
    {
        string[] command = ["plan", "tiny", "--replications", "2", "--store-price", "2", "-o", "json", "--evictions-per-hour", "0"];
        await line.RunAsync(command);
        var two = Store(line.Json());

        await line.RunAsync([.. command, "--set", "operations.keepCheckpoints=4", "--set", "operations.checkpointEverySteps=2"]);
        var four = Store(line.Json());

        Assert.True(four > two);

        static double Store(JsonElement plan)
        {
            var end = plan.GetProperty("outcome").GetProperty("storeEndBytes").GetProperty("p50").GetDouble();
            Assert.Equal(end / 1e9 * 2, plan.GetProperty("store").GetProperty("monthlyCostAfter").GetDouble(), 9);
            return end;
        }
    }

    [Fact]
    public async Task Plan_WithTheSameSeed_PrintsTheSame()
    {
        string[] command = ["plan", "slowrun-15m", "--replications", "5", "--evictions-per-hour", "0.5"];
        await line.RunAsync(command);
        var first = line.Output;

        await line.RunAsync(command);

        Assert.Equal(first, line.Output);
    }

    [Theory]
    [InlineData("--assume", "reboot=3s", "Names are: ")]
    [InlineData("--assume", "restore=soon", "expected a time")]
    [InlineData("--assume", "scaling=2", "expected a share")]
    [InlineData("--tokens-per-second", "fast", "expected a number above 0, or run:NAME")]
    [InlineData("--boot", "long", "expected a time")]
    [InlineData("--mfu", "3", "expected a share")]
    [InlineData("--fleet", "0", "expected 1 to")]
    [InlineData("--price", "-1", "0 or more")]
    [InlineData("--upload-rate", "much", "expected a rate")]
    public async Task Plan_WithAFigureThatIsNone_SaysWhatIsExpected(string option, string value, string expected)
    {
        Assert.Equal(ExitCode.Usage, await line.RunAsync("plan", "tiny", option, value));

        Assert.Contains(expected, line.Error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Plan_WithoutASpec_ShowsTheMachinesOrSaysWhatIsMissing()
    {
        Assert.Equal(ExitCode.Done, await line.RunAsync("plan", "--show-machines"));
        Assert.Contains("onDemandPrice: 6.98", line.Output, StringComparison.Ordinal);

        Assert.Equal(ExitCode.Usage, await line.RunAsync("plan"));
        Assert.Contains("SPEC is missing", line.Error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Plan_OfAMachineThatThereIsNot_NamesThoseThatThereAre()
    {
        Assert.Equal(ExitCode.NoSuchThing, await line.RunAsync("plan", "tiny", "--size", "Standard_X"));

        Assert.Contains("Standard_NC24ads_A100_v4", line.Error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Plan_LikeARunThatThereIsNot_SaysSo()
    {
        await line.StoreAsync();

        Assert.Equal(ExitCode.NoSuchThing, await line.RunAsync("plan", "tiny", "--tokens-per-second", "run:nobody"));
    }
}
