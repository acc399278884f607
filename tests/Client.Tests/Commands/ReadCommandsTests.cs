using Slowrun.Core.Stages;
using Slowrun.Core.Tensors;
using Slowrun.Storage.Checkpoints;
using Slowrun.Storage.Runs;

namespace Slowrun.Client.Tests.Commands;

public sealed class ReadCommandsTests : IDisposable
{
    private const string Stage = "chain0/stage0";

    private readonly CommandLine cli = new();
    private readonly TemporaryFolder folder = new();

    public void Dispose() => folder.Dispose();

    [Fact]
    public async Task List_OfAnEmptyStore_SaysWhatMakesARun()
    {
        await cli.StoreAsync();

        Assert.Equal(0, await cli.RunAsync("list"));
        Assert.Contains("has no runs", cli.Error, StringComparison.Ordinal);
        Assert.Equal(0, await cli.RunAsync("list", "-o", "json"));
        Assert.Equal(0, cli.Json().GetArrayLength());
    }

    [Fact]
    public async Task List_OfSeveralRuns_HasALineEach()
    {
        await cli.HaveRunAsync("one");
        await cli.HaveRunAsync("two");
        await cli.HaveRootAsync("two", Stage, CommandLine.Begun(3));

        Assert.Equal(0, await cli.RunAsync("list"));

        var lines = cli.Output.Split('\n');
        Assert.Matches(@"^one +Pending \(no silo\) +0/2 done", lines[1]);
        Assert.Matches(@"^two +Running \(no silo\) +0/2 done .* 30 s ago", lines[2]);
    }

    [Theory]
    [InlineData("one,two,three")]
    [InlineData("two,three", "t*")]
    [InlineData("one,three", "ONE", "t?ree")]
    [InlineData("two", "--state", "running")]
    [InlineData("one,two,three", "--state", "running", "pending")]
    [InlineData("three", "t*", "--state", "pending")]
    public async Task List_WithPatternsAndStates_HasThoseRunsAlone(string names, params string[] arguments)
    {
        await cli.HaveRunAsync("one");
        await cli.HaveRunAsync("two");
        await cli.HaveRunAsync("three");
        await cli.HaveRootAsync("two", Stage, CommandLine.Begun(3));

        Assert.Equal(0, await cli.RunAsync(["list", .. arguments, "-o", "json"]));

        Assert.Equal(
            names.Split(',').Order(StringComparer.Ordinal),
            cli.Json().EnumerateArray().Select(run => run.GetProperty("name").GetString()!)
        );
    }

    [Fact]
    public async Task List_WhereNoRunIsAsWanted_SaysSo()
    {
        await cli.HaveRunAsync("one");

        Assert.Equal(0, await cli.RunAsync("list", "t*", "--state", "failed", "paused"));
        Assert.Contains("None of the 1 run of", cli.Error, StringComparison.Ordinal);
        Assert.Contains("is named 't*' and Failed or Paused.", cli.Error, StringComparison.Ordinal);
        Assert.Equal(2, await cli.RunAsync("list", "--state", "runing"));
        Assert.Contains("--state: found 'runing'", cli.Error, StringComparison.Ordinal);
        Assert.Contains("Did you mean 'running'?", cli.Error, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("text", "STATE", "ENSEMBLE", "LAST WRITE")]
    [InlineData("wide", "STATE", "TRAINING", "BITS/BYTE", "LOST STEPS", "PRIORITY", "LAST WRITE", "SUBMITTED")]
    public async Task List_InANarrowTerminal_BreaksNoWordAndNoName(string format, params string[] titles)
    {
        await cli.HaveRunAsync("a-name-of-thirty-two-characters-");
        cli.Width = 80;

        Assert.Equal(0, await cli.RunAsync("list", "-o", format));

        var lines = cli.Output.TrimEnd().Split('\n').Select(line => line.TrimEnd()).ToList();
        Assert.All(lines, line => Assert.True(line.Length <= 80, line));
        Assert.All(
            titles,
            title =>
                Assert.Contains(
                    lines,
                    line => line.StartsWith("RUN", StringComparison.Ordinal) && line.Contains(title, StringComparison.Ordinal)
                )
        );
        Assert.Equal(
            lines.Count(line => line.StartsWith("RUN", StringComparison.Ordinal)),
            lines.Count(line => line.StartsWith("a-name-of-thirty-two-characters- ", StringComparison.Ordinal))
        );
    }

    [Fact]
    public async Task List_WideAndCsv_HaveEveryColumn()
    {
        await cli.HaveRunAsync("two");
        await cli.HaveRootAsync("two", Stage, CommandLine.Begun(3) with { Preemptions = 2, LostSteps = 5 });

        Assert.Equal(0, await cli.RunAsync("list", "-o", "wide"));
        Assert.Matches("^RUN +STATE +STAGES +TRAINING +ENSEMBLE +BITS/BYTE +GOODPUT +LOST +LOST STEPS", cli.Output);

        Assert.Equal(0, await cli.RunAsync("list", "-o", "csv"));
        var lines = cli.Output.TrimEnd().Split('\n');
        Assert.StartsWith(
            "name,state,stagesDone,stages,stagesTraining,ensembleLossNats,ensembleMembers,",
            lines[0],
            StringComparison.Ordinal
        );
        Assert.StartsWith("two,Running,0,2,0,,,", lines[1], StringComparison.Ordinal);
        Assert.Contains(",2026-11-01T11:59:30.0000000Z,", lines[1], StringComparison.Ordinal);
    }

    [Fact]
    public async Task Status_WideAndCsv_HaveEveryColumn()
    {
        await cli.HaveRunAsync();
        await cli.HaveRootAsync("micro", Stage, CommandLine.Begun(3) with { Preemptions = 2 });

        Assert.Equal(0, await cli.RunAsync("status", "micro", "-o", "wide"));
        Assert.Matches("STAGE +STATE +STEP .* SILO +SLOTS +DEVICES +TAKES +LOST", cli.Output);

        Assert.Equal(0, await cli.RunAsync("status", "micro", "-o", "csv"));
        var lines = cli.Output.TrimEnd().Split('\n');
        Assert.StartsWith(
            "id,role,state,step,steps,trainLossNats,tokensPerSecond,durableStep,durableAgeSeconds,",
            lines[0],
            StringComparison.Ordinal
        );
        Assert.StartsWith("chain0/stage0,Members,Ready,3,8,,,3,30,", lines[1], StringComparison.Ordinal);
        Assert.Equal(3, lines.Length);
    }

    [Fact]
    public async Task List_WithOneBrokenRun_ShowsTheOthersAndFails()
    {
        await cli.HaveRunAsync("fine");
        await (await cli.StoreAsync()).WriteAsync("runs/broken/spec", "no"u8.ToArray(), CommandLine.Stop);

        Assert.Equal(1, await cli.RunAsync("list"));
        Assert.Contains("fine", cli.Output, StringComparison.Ordinal);
        Assert.Contains("run 'broken' is left out", cli.Error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Status_AsJson_HasEveryFieldOfTheContractEvenWhereItIsNull()
    {
        await cli.HaveRunAsync();
        await cli.HaveRootAsync("micro", Stage, CommandLine.Begun(3));

        Assert.Equal(0, await cli.RunAsync("status", "micro", "-o", "json"));

        var status = cli.Json();
        Assert.Equal(
            ("micro", "Running", "store"),
            (status.GetProperty("name").GetString(), status.GetProperty("state").GetString(), status.GetProperty("source").GetString())
        );
        Assert.Equal(System.Text.Json.JsonValueKind.Null, status.GetProperty("ensemble").ValueKind);
        Assert.Equal(
            (System.Text.Json.JsonValueKind.Null, 0),
            (status.GetProperty("etaSeconds").ValueKind, status.GetProperty("silos").GetArrayLength())
        );
        Assert.Equal(
            [
                "id",
                "role",
                "state",
                "step",
                "steps",
                "durableStep",
                "durableAgeSeconds",
                "owner",
                "epochToken",
                "preemptions",
                "lostSteps",
                "ledger",
                "bestEffort",
                "tokensPerSecond",
                "steadyTokensPerSecond",
                "devices",
                "trainLossNats",
                "valLossNats",
                "valBitsPerByte",
                "snapshotSha256",
                "waits",
                "failure",
            ],
            status.GetProperty("stages")[0].EnumerateObject().Select(field => field.Name)
        );
        Assert.Equal(
            (3, 8, 30),
            (
                status.GetProperty("stages")[0].GetProperty("durableStep").GetInt32(),
                status.GetProperty("stages")[0].GetProperty("steps").GetInt32(),
                status.GetProperty("stages")[0].GetProperty("durableAgeSeconds").GetDouble()
            )
        );
    }

    [Fact]
    public async Task Status_AsText_FitsEightyColumnsAndSaysWhatItWaitsFor()
    {
        await cli.HaveRunAsync();
        await cli.HaveRootAsync("micro", Stage, CommandLine.Begun(3));

        Assert.Equal(0, await cli.RunAsync("status", "micro"));

        Assert.Contains("micro · Running (no silo) · from the store, as of 30 s ago", cli.Output, StringComparison.Ordinal);
        Assert.Contains("Waits for a silo to go on from step 3: none is alive.", cli.Output, StringComparison.Ordinal);
        Assert.All(
            cli.Output.Split('\n').Where(line => line.StartsWith("chain0/stage0 ", StringComparison.Ordinal)),
            line => Assert.InRange(line.Length, 1, 80)
        );
    }

    [Fact]
    public async Task Events_AreInOrderOfTime()
    {
        await cli.HaveRunAsync();
        var events = new RunEvents(await cli.StoreAsync(), "micro");
        await events.AppendAsync(
            new RunEvent(CommandLine.Start.AddSeconds(2), "stage-finished", Stage, "It has finished."),
            CommandLine.Stop
        );
        await events.AppendAsync(new RunEvent(CommandLine.Start, "stage-taken", Stage, "It was taken."), CommandLine.Stop);

        Assert.Equal(0, await cli.RunAsync("events", "micro"));
        Assert.Equal(
            "2026-11-01 12:00:00Z  stage-taken            chain0/stage0  It was taken.\n2026-11-01 12:00:02Z  stage-finished         chain0/stage0  It has finished.\n",
            cli.Output
        );

        Assert.Equal(0, await cli.RunAsync("events", "micro", "-o", "json"));
        Assert.Equal(2, cli.Output.TrimEnd().Split('\n').Length);
    }

    [Fact]
    public async Task Export_OfFinishedStages_WritesTheirBytesAndSaysWhatIsMissing()
    {
        var snapshot = await HaveFinishedAsync();

        Assert.Equal(0, await cli.RunAsync("export", "micro", "--out", folder.Path));

        var file = Assert.Single(Directory.GetFiles(folder.Path, "*.safetensors"));
        Assert.Equal("chain0-stage0.safetensors", Path.GetFileName(file));
        Assert.Equal(
            snapshot.Sha256,
            Convert.ToHexStringLower(System.Security.Cryptography.SHA256.HashData(await File.ReadAllBytesAsync(file, CommandLine.Stop)))
        );
        Assert.Contains(snapshot.Sha256, cli.Output, StringComparison.Ordinal);
        Assert.Contains("1 of 2 stages have finished", cli.Error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Export_OfADamagedSnapshot_LeavesNoFile()
    {
        var snapshot = await HaveFinishedAsync();
        var store = await cli.StoreAsync();
        var bytes = (await store.TryReadAsync(snapshot.Name, CommandLine.Stop))!.Content.ToArray();
        bytes[^1] ^= 1;
        await store.WriteAsync(snapshot.Name, bytes, CommandLine.Stop);

        Assert.Equal(1, await cli.RunAsync("export", "micro", "--out", folder.Path));
        Assert.Contains("is damaged", cli.Error, StringComparison.Ordinal);
        Assert.Empty(Directory.GetFiles(folder.Path));
    }

    [Fact]
    public async Task Commands_WithADamagedRoot_GoOnWithTheOtherStages()
    {
        await HaveFinishedAsync();
        await (await cli.StoreAsync()).WriteAsync("runs/micro/chain0/stage1/root", "no"u8.ToArray(), CommandLine.Stop);

        Assert.Equal(0, await cli.RunAsync("list"));
        Assert.Matches("micro +Running", cli.Output);
        Assert.Equal(0, await cli.RunAsync("status", "micro"));
        Assert.Matches("chain0/stage1 +Damaged", cli.Output);
        Assert.Contains("slowrun checkpoints repair micro/chain0/stage1", cli.Output.ReplaceLineEndings(" "), StringComparison.Ordinal);
        Assert.Equal(0, await cli.RunAsync("explain", "micro/chain0/stage1"));
        Assert.Contains("runs/micro/chain0/stage1/root", cli.Output, StringComparison.Ordinal);
        Assert.Equal(0, await cli.RunAsync("export", "micro", "--out", folder.Path));
        Assert.Single(Directory.GetFiles(folder.Path, "*.safetensors"));
    }

    [Fact]
    public async Task Commands_WhenTheSpecIsLost_GoOnWithItsCopyAndWithoutOneSayWhatIsMissing()
    {
        await HaveFinishedAsync();
        var store = await cli.StoreAsync();
        await store.TryDeleteAsync("runs/micro/spec", cancellationToken: CommandLine.Stop);

        Assert.Equal(0, await cli.RunAsync("status", "micro"));
        Assert.Contains("'runs/micro/spec' is missing. Its copy is used", cli.Output.ReplaceLineEndings(" "), StringComparison.Ordinal);

        await store.TryDeleteAsync("runs/micro/spec.copy", cancellationToken: CommandLine.Stop);
        Assert.Equal(3, await cli.RunAsync("status", "micro"));
        Assert.Contains("has documents and no spec: 'runs/micro/spec' is missing", cli.Error, StringComparison.Ordinal);
        Assert.DoesNotContain("Did you mean", cli.Error, StringComparison.Ordinal);
        Assert.Equal(1, await cli.RunAsync("list"));
        Assert.Contains("'runs/micro/spec' is missing", cli.Error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Export_OfNothingFinished_SaysSo()
    {
        await cli.HaveRunAsync();

        Assert.Equal(1, await cli.RunAsync("export", "micro/chain0/stage1", "--out", folder.Path));
        Assert.Contains("No stage of 'micro/chain0/stage1' has finished", cli.Error, StringComparison.Ordinal);
    }

    private async Task<SnapshotRef> HaveFinishedAsync()
    {
        await cli.HaveRunAsync();
        var snapshots = new SnapshotStore(await cli.StoreAsync(), "micro", cli.Time);
        var snapshot = await snapshots.CreateAsync(
            [new TensorData("wte.weight", ElementType.F32, [2], new byte[] { 1, 2, 3, 4, 5, 6, 7, 8 })],
            CommandLine.Stop
        );
        await cli.HaveRootAsync("micro", Stage, CommandLine.Begun(8) with { Snapshot = snapshot });
        return snapshot;
    }
}
