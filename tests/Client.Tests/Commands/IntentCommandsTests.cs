using Slowrun.Core.Stages;
using Slowrun.Storage.Runs;

namespace Slowrun.Client.Tests.Commands;

public sealed class IntentCommandsTests
{
    private const string Stage = "chain0/stage0";

    private readonly CommandLine cli = new();

    [Theory]
    [InlineData("pause", DesiredState.Paused, "Paused")]
    [InlineData("cancel", DesiredState.Cancelled, "Cancelled")]
    public async Task PauseAndCancel_OfARun_AreItsIntentUntilItIsResumed(string command, DesiredState intent, string state)
    {
        await cli.HaveRunAsync();

        Assert.Equal(0, await cli.RunAsync(command, "micro"));
        Assert.Equal(intent, (await IntentAsync()).Run);
        await cli.RunAsync("status", "micro", "-o", "json");
        Assert.Equal(state, cli.Json().GetProperty("state").GetString());

        Assert.Equal(0, await cli.RunAsync("resume", "micro"));
        Assert.Equal(DesiredState.Running, (await IntentAsync()).Run);
    }

    [Fact]
    public async Task Pause_OfAStage_IsForgottenWhenTheRunIsResumed()
    {
        await cli.HaveRunAsync();

        Assert.Equal(0, await cli.RunAsync("pause", $"micro/{Stage}"));
        Assert.Equal(DesiredState.Paused, (await IntentAsync()).Of(Stage));
        Assert.Equal(DesiredState.Running, (await IntentAsync()).Run);

        await cli.RunAsync("resume", "micro");
        Assert.Equal(DesiredState.Running, (await IntentAsync()).Of(Stage));
    }

    [Theory]
    [InlineData(
        "micro/chain7/stage0",
        3,
        "has no stage 'chain7/stage0'. Did you mean 'chain0/stage0'? It has chain0/stage0, chain0/stage1."
    )]
    [InlineData("micro/stage0", 2, "names no stage")]
    public async Task Pause_OfAStageThatIsNotThere_SaysSo(string target, int exitCode, string message)
    {
        await cli.HaveRunAsync();

        Assert.Equal(exitCode, await cli.RunAsync("pause", target));
        Assert.Contains(message, cli.Error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Retry_OfAFailedStage_AsksOnceHoweverOftenItIsCalled()
    {
        await cli.HaveRunAsync();
        await cli.HaveRootAsync(
            "micro",
            Stage,
            CommandLine.Begun(3) with
            {
                Failure = new StageFailure("It broke.", "Mend it.", 4, CommandLine.Start),
            }
        );

        Assert.Equal(0, await cli.RunAsync("retry", "micro"));
        Assert.Equal(5, (await IntentAsync()).Retries[Stage]);

        Assert.Equal(1, await cli.RunAsync("retry", "micro"));
        Assert.Contains("Nothing of 'micro' has failed", cli.Error, StringComparison.Ordinal);
        Assert.Equal(5, (await IntentAsync()).Retries[Stage]);
    }

    [Theory]
    [InlineData("micro", "micro")]
    [InlineData("micro", $"micro/{Stage}")]
    [InlineData($"micro/{Stage}", $"micro/{Stage}")]
    public async Task Pause_OfWhatIsCancelled_SaysSoAndLeavesIt(string cancelled, string paused)
    {
        await cli.HaveRunAsync();
        await cli.RunAsync("cancel", cancelled);

        Assert.Equal(1, await cli.RunAsync("pause", paused));
        Assert.Contains(
            $"'{paused}' is cancelled, so there is nothing to pause. 'slowrun resume {paused}' takes it up again.",
            cli.Error,
            StringComparison.Ordinal
        );
        Assert.Equal(DesiredState.Cancelled, (await IntentAsync()).Of(Stage));
    }

    [Fact]
    public async Task Pause_WithADamagedRootInTheRun_PausesAllTheSame()
    {
        await cli.HaveRunAsync();
        await (await cli.StoreAsync()).WriteAsync("runs/micro/chain0/stage1/root", "no"u8.ToArray(), CommandLine.Stop);

        Assert.Equal(0, await cli.RunAsync("pause", $"micro/{Stage}"));
        Assert.Equal(DesiredState.Paused, (await IntentAsync()).Of(Stage));
    }

    [Fact]
    public async Task Resume_WhenTheOrderAndItsCopyAreDamaged_ReplacesThemAndSaysSoInAnEvent()
    {
        await cli.HaveRunAsync();
        await cli.RunAsync("cancel", "micro");
        foreach (var name in new[] { "runs/micro/intent", "runs/micro/intent.copy" })
        {
            await (await cli.StoreAsync()).WriteAsync(name, "no"u8.ToArray(), CommandLine.Stop);
        }

        Assert.Equal(0, await cli.RunAsync("status", "micro"));
        Assert.Contains("it is not known what was ordered", cli.Output, StringComparison.Ordinal);
        // What is not named stays held: it may have been cancelled.
        Assert.Equal(0, await cli.RunAsync("resume", "micro/chain0/stage1"));
        Assert.Equal(DesiredState.Paused, (await IntentAsync()).Of(Stage));
        Assert.Equal(0, await cli.RunAsync("resume", "micro"));
        Assert.Equal(DesiredState.Running, (await IntentAsync()).Of(Stage));
        Assert.Equal(0, await cli.RunAsync("events", "micro"));
        Assert.Contains("document-replaced", cli.Output, StringComparison.Ordinal);
    }

    [Fact]
    public async Task RetryAdoptDevice_OfAStageThatHasBegun_IsAllowedOnceMore()
    {
        await cli.HaveRunAsync();
        Assert.Equal(1, await cli.RunAsync("retry", "micro", "--adopt-device"));
        Assert.Contains("has begun and not finished", cli.Error, StringComparison.Ordinal);
        await cli.HaveRootAsync(
            "micro",
            Stage,
            CommandLine.Begun(3) with
            {
                Adoptions = 2,
                Identity = new StageIdentity
                {
                    RecipeSha256 = "r",
                    DataSha256 = "d",
                    EngineRevision = 1,
                    NumericsFingerprint = "f",
                },
            }
        );

        Assert.Equal(0, await cli.RunAsync("retry", "micro", "--adopt-device"));
        Assert.Equal(0, await cli.RunAsync("retry", "micro", "--adopt-device"));
        Assert.Equal(3, (await IntentAsync()).Adoptions[Stage]);
    }

    private async Task<RunIntent> IntentAsync() =>
        await new RunDocuments(await cli.StoreAsync(), "micro").ReadIntentAsync(CommandLine.Stop);

    [Fact]
    public async Task PauseResumeCancelRetry_OfAChain_AreForItsStagesAlone()
    {
        await cli.HaveRunAsync(set: "chains[0].stages=2");
        var failed = new StageFailure("It broke.", "Mend it.", 0, CommandLine.Start);
        await cli.HaveRootAsync("micro", Stage, CommandLine.Begun(3) with { Failure = failed });

        Assert.Equal(0, await cli.RunAsync("pause", "micro/chain0"));
        Assert.Contains("'micro/chain0' is paused. 'slowrun resume micro/chain0' lets it go on.", cli.Output, StringComparison.Ordinal);
        var intent = await IntentAsync();
        Assert.Equal(DesiredState.Running, intent.Run);
        Assert.All(new[] { Stage, "chain0/stage1" }, id => Assert.Equal(DesiredState.Paused, intent.Of(id)));

        Assert.Equal(0, await cli.RunAsync("resume", "micro/chain0"));
        Assert.All(new[] { Stage, "chain0/stage1" }, id => Assert.Equal(DesiredState.Running, IntentAsync().Result.Of(id)));
        Assert.Equal(0, await cli.RunAsync("retry", "micro/chain0"));
        Assert.Equal([Stage], (await IntentAsync()).Retries.Keys);
        Assert.Equal(0, await cli.RunAsync("cancel", "micro/chain0"));
        Assert.Equal(1, await cli.RunAsync("pause", "micro/chain0"));
        Assert.Contains("'micro/chain0' is cancelled", cli.Error, StringComparison.Ordinal);

        Assert.Equal(3, await cli.RunAsync("pause", "micro/chain7"));
        Assert.Contains("has no chain 'chain7'. It has chain0.", cli.Error, StringComparison.Ordinal);
        Assert.Equal(2, await cli.RunAsync("explain", "micro/chain0"));
        Assert.Contains("for example micro/chain0/stage0", cli.Error, StringComparison.Ordinal);
        Assert.Equal(2, await cli.RunAsync("pause", "micro/chain00"));
    }

    [Fact]
    public async Task Pause_OfAChainThatHasEndedButForOneStage_LeavesTheOthersAlone()
    {
        await cli.HaveRunAsync(set: "chains[0].stages=2");
        var snapshot = new SnapshotRef("runs/micro/snapshots/aa.safetensors", "aa", 1, CommandLine.Start);
        await cli.HaveRootAsync("micro", Stage, CommandLine.Begun(8) with { Snapshot = snapshot });

        Assert.Equal(0, await cli.RunAsync("cancel", "micro/chain0"));
        Assert.Contains("chain0/stage1", (await IntentAsync()).Stages.Keys);
    }
}
