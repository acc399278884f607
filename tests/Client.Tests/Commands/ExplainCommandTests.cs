using Slowrun.Core.Stages;
using Slowrun.Grains.Interfaces;
using Slowrun.Storage.Runs;

namespace Slowrun.Client.Tests.Commands;

public sealed class ExplainCommandTests
{
    private const string First = "chain0/stage0",
        Second = "chain0/stage1";

    private readonly CommandLine cli = new();

    [Fact]
    public async Task Explain_OfARunThatNobodyServes_NamesTheCommandThatDoes()
    {
        await cli.HaveRunAsync();

        Assert.Equal(["no-silo", "waits"], await KindsAsync("micro"));
        Assert.StartsWith("micro is Pending: 1 Ready, 1 Waiting of 2 stages.", cli.Output, StringComparison.Ordinal);
        Assert.Contains("chain0/stage0: No silo is alive that serves 'memory:", cli.Output, StringComparison.Ordinal);
        Assert.Contains("\n    slowrun silo --store memory:", cli.Output, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Explain_OfAWaitingStage_GoesBackToWhatKeepsTheOneBeforeIt()
    {
        await cli.HaveRunAsync();
        await cli.HaveRootAsync(
            "micro",
            First,
            CommandLine.Begun(3) with
            {
                Failure = new StageFailure("The loss is not a number.", "Lower the rate.", 0, CommandLine.Start),
            }
        );

        Assert.Equal(["failed", "waits"], await KindsAsync($"micro/{Second}"));
        Assert.Contains(
            "chain0/stage0: It failed 0 s ago: The loss is not a number. Lower the rate. A retry goes on from step 3 of 8.",
            Flat,
            StringComparison.Ordinal
        );
        Assert.Contains($"slowrun retry micro/{First}", cli.Output, StringComparison.Ordinal);
        Assert.Contains(
            "It waits for 'chain0/stage0', which teaches it. 'chain0/stage0' is Failed at step 3 of 8; nothing else is missing.",
            Flat,
            StringComparison.Ordinal
        );
    }

    [Fact]
    public async Task Explain_OfWhatTheUserHeld_NamesTheIntentAndItsOpposite()
    {
        await cli.HaveRunAsync();
        await cli.RunAsync("pause", "micro");
        Assert.Equal(["run-paused"], await KindsAsync("micro"));
        Assert.Contains("\n    slowrun resume micro", cli.Output, StringComparison.Ordinal);

        await cli.RunAsync("resume", "micro");
        await cli.RunAsync("cancel", $"micro/{First}");
        Assert.Equal(["stage-cancelled", "waits"], await KindsAsync("micro"));
        Assert.Contains($"\n    slowrun resume micro/{First}", cli.Output, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Explain_WhenAllSilosAreAtOtherRuns_NamesThemAndThePriority()
    {
        await cli.HaveSilosAsync("gpu-1");
        await cli.HaveRunAsync("other", "operations.priority=4");
        await cli.HaveRootAsync("other", First, CommandLine.Owned(3));
        await cli.HaveRunAsync();

        Assert.Equal(["slots-busy", "waits"], await KindsAsync("micro"));
        Assert.Contains("gpu-1 is at other/chain0/stage0 on cpu:0", Flat, StringComparison.Ordinal);
        Assert.Contains("'slowrun set micro priority=5' puts it first", Flat, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("cpu:0", "slots-busy", "No slot is free: gpu-1 is at other/chain0/stage0 on cpu:0.")]
    [InlineData("cpu:0 cpu:1", "soon", "Nothing trains on gpu-1's cpu:1: a free slot looks for work")]
    public async Task Explain_WhenASiloTellsItsSlots_KnowsWhetherOneIsFree(string slots, string kind, string words)
    {
        await cli.HaveSilosAsync(slots.Split(' '), ["gpu-1"]);
        await cli.HaveRunAsync("other");
        await cli.HaveRootAsync("other", First, CommandLine.Owned(3));
        await cli.HaveRunAsync();

        Assert.Equal([kind, "waits"], await KindsAsync("micro"));
        Assert.Contains(words, Flat, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Explain_WhenTheOwnerIsLostAndOnlyOtherArithmeticIsAlive_SaysBothAndHowToAdoptIt()
    {
        await cli.HaveSilosAsync("gpu-1");
        await cli.HaveRunAsync("other");
        await cli.HaveRootAsync("other", First, CommandLine.Owned(3) with { Identity = Identity("ffffffffffffffff") });
        await cli.HaveRunAsync();
        await cli.HaveRootAsync("micro", First, CommandLine.Owned(3, silo: "10.0.0.9:1@0", name: "gpu-9"));

        Assert.Equal(["owner-lost", "fingerprint", "slots-busy", "waits"], await KindsAsync("micro"));
        Assert.Contains("gpu-9, which trained it, is gone. The next free slot goes on from step 3 of 8.", Flat, StringComparison.Ordinal);
        Assert.Contains(
            "fingerprint 0123456789ab, and goes on only on a device that has the same, since another would give other bytes (gpu-1 has ffffffffffff).",
            Flat,
            StringComparison.Ordinal
        );
        Assert.Contains($"slowrun retry micro/{First} --adopt-device", cli.Output, StringComparison.Ordinal);

        Assert.Equal(0, await cli.RunAsync("retry", $"micro/{First}", "--adopt-device"));
        var intent = await new RunDocuments(await cli.StoreAsync(), "micro").ReadIntentAsync(CommandLine.Stop);
        Assert.Equal(1, intent.Adoptions[First]);
        Assert.Equal(1, await cli.RunAsync("retry", $"micro/{Second}", "--adopt-device"));
    }

    [Fact]
    public async Task Explain_OfAStageThatIsTriedAgain_SaysHowOftenAndWhen()
    {
        await cli.HaveRunAsync();
        await cli.HaveRootAsync(
            "micro",
            First,
            CommandLine.Begun(3) with
            {
                ReleasedFor = ReleaseCause.Error,
                FailedTakes = 2,
                WrittenAt = CommandLine.Start,
            }
        );
        await new RunEvents(await cli.StoreAsync(), "micro").AppendAsync(
            new RunEvent(CommandLine.Start, "stage-error", First, "No memory is left. It is tried again (2 of 3)."),
            CommandLine.Stop
        );

        Assert.Equal(["ready", "tried-again", "no-silo"], await KindsAsync($"micro/{First}"));
        Assert.Contains(
            "2 takes since the last commit failed; at 3 (failureBudget) it fails until a retry is asked for. It is tried again in 2 s. The last error, 0 s ago: No memory is left.",
            Flat,
            StringComparison.Ordinal
        );
    }

    [Fact]
    public async Task Explain_OfATrainingStage_SaysThatNothingKeepsItUnlessItsOwnerIsSilent()
    {
        await cli.HaveSilosAsync("gpu-1");
        await cli.HaveRunAsync();
        await cli.HaveRootAsync(
            "micro",
            First,
            CommandLine.Owned(3) with
            {
                Owner = new StageOwner("127.0.0.1:2@0", "gpu-1", ["cpu:0"], CommandLine.Start.AddSeconds(-9)),
            }
        );
        Assert.Equal(["trains"], await KindsAsync($"micro/{First}"));
        Assert.Equal(["waits"], await KindsAsync("micro"));

        await cli.HaveRootAsync("micro", First, CommandLine.Owned(3));
        Assert.Equal(["owner-silent", "waits"], await KindsAsync("micro"));
        Assert.Contains("gpu-1 owns it, but has not reported for 1 min 00 s", Flat, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Explain_WhenTheDataIsGone_SaysSo()
    {
        var spec = await cli.HaveRunAsync();
        await (await cli.StoreAsync()).TryDeleteAsync($"data/{spec.Recipe.Data.Sha256}", cancellationToken: CommandLine.Stop);

        Assert.Equal(["data-missing", "no-silo", "waits"], await KindsAsync("micro"));
        Assert.Contains("is missing from the store", Flat, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Explain_WhenAllSilosHaveAnotherEngineRevision_SaysSoAndAdvisesNoAdoption()
    {
        await cli.HaveSilosAsync(["cpu:0"], ["gpu-1"]);
        cli.Reports.Add(Report("gpu-1", revision: 2));
        await cli.HaveRunAsync();
        await cli.HaveRootAsync("micro", First, CommandLine.Owned(3) with { Owner = null });

        Assert.Equal(["engine-revision", "soon", "waits"], await KindsAsync("micro"));
        Assert.Contains(
            "It was begun with engine revision 1, and another one gives other bytes (gpu-1 has 2).",
            Flat,
            StringComparison.Ordinal
        );
        Assert.Contains("serve the store with a version of slowrun of engine revision 1", Flat, StringComparison.Ordinal);
        Assert.DoesNotContain("adopt-device", Flat, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Explain_WhenASiloHasTheEngineRevisionAndHadNoTimeYet_HasNothingAgainstIt()
    {
        await cli.HaveSilosAsync(["cpu:0"], ["gpu-1"]);
        cli.Reports.Add(Report("gpu-1", revision: 1));
        await cli.HaveRunAsync();
        await cli.HaveRootAsync("micro", First, CommandLine.Owned(3) with { Owner = null, WrittenAt = CommandLine.Start });

        Assert.Equal(["soon", "waits"], await KindsAsync("micro"));
    }

    [Fact]
    public async Task Explain_WhenNobodyTookItAndNothingIsKnownOfTheSilos_DoesNotGuessAtADevice()
    {
        await cli.HaveSilosAsync(["cpu:0"], ["gpu-1"]);
        await cli.HaveRunAsync();
        await cli.HaveRootAsync("micro", First, CommandLine.Owned(3) with { Owner = null });
        const string Why = "The stage was begun with something else than is offered now: engine revision 1 then, 2 now.";
        await new RunEvents(await cli.StoreAsync(), "micro").AppendAsync(
            new RunEvent(CommandLine.Start, "take-refused", First, Why),
            CommandLine.Stop
        );

        Assert.Equal(["take-refused", "untaken", "soon", "waits"], await KindsAsync("micro"));
        Assert.Contains(Why, Flat, StringComparison.Ordinal);
        Assert.DoesNotContain("adopt-device", Flat, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Explain_WhenTheOwnerCannotWrite_SaysThatAndNotThatItIsFrozen()
    {
        await cli.HaveSilosAsync("gpu-1");
        await cli.HaveRunAsync();
        await cli.HaveRootAsync("micro", First, CommandLine.Owned(3));
        var full = new StoreTrouble(
            StoreWork.Upload,
            "runs/micro/chain0/stage0/000001-00000004/state",
            "There is no space left in '/data'.",
            CommandLine.Start.AddMinutes(-2),
            CommandLine.Start.AddSeconds(-4),
            7
        );
        cli.Reports.Add(Report("gpu-1", 1) with { StoreTroubles = [full] });

        Assert.Equal(["store-trouble", "waits"], await KindsAsync("micro"));
        Assert.Contains(
            "chain0/stage0: gpu-1 cannot upload to the store (for 2 min 00 s, 7 times; last of 'runs/micro/chain0/stage0/000001-00000004/state', 4 s ago): There is no space left in '/data'. It trains on and tries again, but nothing new becomes durable",
            Flat,
            StringComparison.Ordinal
        );
        Assert.Equal(0, await cli.RunAsync("status", "micro"));
        Assert.Contains("gpu-1 cannot upload to the store", Flat, StringComparison.Ordinal);
        Assert.Equal(0, await cli.RunAsync("status", "micro", "-o", "json"));
        Assert.Equal("Upload", cli.Json().GetProperty("storeTroubles")[0].GetProperty("store").GetProperty("work").GetString());
    }

    [Fact]
    public async Task Explain_WhenTheOwnersLastWordIsOfItsStore_KnowsItWithoutAnAnswer()
    {
        await cli.HaveSilosAsync("gpu-1");
        await cli.HaveRunAsync();
        await cli.HaveRootAsync("micro", First, CommandLine.Owned(3));
        var slow = new StoreTrouble(
            StoreWork.Write,
            "runs/micro/chain0/stage0/root",
            "It took 12 s.",
            CommandLine.Start.AddMinutes(-2),
            CommandLine.Start.AddSeconds(-4),
            1
        )
        {
            IsSlow = true,
        };
        var progress = new StageProgress
        {
            Stage = First,
            EpochToken = 1,
            Activity = StageActivity.Training,
            Step = 5,
            Steps = 8,
            At = CommandLine.Start.AddMinutes(-1),
            StoreTroubles = [slow],
        };
        await (await cli.StoreAsync()).WriteAsync(
            RunPaths.Progress("micro", new(0, 0)),
            Core.CanonicalJson.Serialize(progress),
            CommandLine.Stop
        );

        Assert.Equal(["store-trouble", "waits"], await KindsAsync("micro"));
        Assert.Contains("gpu-1 waits long for the store to write", Flat, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Explain_WhenTokensOrATeacherAreMissingOrShort_NamesTheObjectAndDeletesNothing()
    {
        var spec = await cli.HaveRunAsync();
        var store = await cli.StoreAsync();
        var manifest = await new Storage.Tokens.StoredTokenSets(store).ReadManifestAsync(spec.Recipe.Data.Sha256!, CommandLine.Stop);
        await store.WriteAsync($"data/{manifest.Train.Sha256}", new byte[3], CommandLine.Stop);
        await cli.HaveRootAsync(
            "micro",
            First,
            CommandLine.Begun(8) with
            {
                Snapshot = new SnapshotRef("runs/micro/snapshots/aa.safetensors", "aa", 77, CommandLine.Start),
            }
        );

        Assert.Equal(["ready", "input-missing", "data-missing", "no-silo"], await KindsAsync($"micro/{Second}"));
        Assert.Contains($"'data/{manifest.Train.Sha256}' is damaged: it has 3 bytes, expected 8.", Flat, StringComparison.Ordinal);
        Assert.Contains(
            "'runs/micro/snapshots/aa.safetensors' is missing from the store. It is the snapshot of 'chain0/stage0', which teaches",
            Flat,
            StringComparison.Ordinal
        );
    }

    [Fact]
    public async Task Explain_OfWhatIsNotThere_ExitsWithThree()
    {
        await cli.HaveRunAsync();

        Assert.Equal(3, await cli.RunAsync("explain", "mcro"));
        Assert.Equal(3, await cli.RunAsync("explain", "micro/chain0/stage9"));
    }

    /// <summary>The text as if no line had been broken.</summary>
    private string Flat => string.Join(' ', cli.Output.Split((char[]?)null, StringSplitOptions.RemoveEmptyEntries));

    /// <summary>Explains as JSON, then as text, which stays as <see cref="CommandLine.Output"/>.</summary>
    private async Task<string?[]> KindsAsync(string target)
    {
        Assert.Equal(0, await cli.RunAsync("explain", target, "-o", "json"));
        string?[] kinds = [.. cli.Json().GetProperty("causes").EnumerateArray().Select(cause => cause.GetProperty("kind").GetString())];
        Assert.Equal(0, await cli.RunAsync("explain", target));
        return kinds;
    }

    private static SiloReport Report(string name, int revision) => new("127.0.0.1:2@0", name, revision, []);

    private static StageIdentity Identity(string fingerprint) =>
        new()
        {
            RecipeSha256 = "r",
            DataSha256 = "d",
            EngineRevision = 1,
            NumericsFingerprint = fingerprint,
        };
}
