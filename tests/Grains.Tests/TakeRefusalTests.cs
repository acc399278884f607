using Slowrun.Core.Plan;
using Slowrun.Core.Stages;
using Slowrun.Grains.Interfaces;
using Slowrun.Grains.Slots;
using Slowrun.Storage;
using Slowrun.Storage.Checkpoints;
using Slowrun.Storage.Runs;

namespace Slowrun.Grains.Tests;

/// <summary>A take that is refused says as an event in which part the stage differs, once.</summary>
public sealed class TakeRefusalTests
{
    private static readonly StageId First = new(0, 0);

    private static CancellationToken Stop => TestContext.Current.CancellationToken;

    [Theory]
    [InlineData("revision", "engine revision 99 then, ")]
    [InlineData("recipe", "recipe 0000 then, ")]
    [InlineData("fingerprint", "numerics fingerprint 0000 then, ")]
    public async Task Offer_WhenTheStageWasBegunAsSomethingElse_TellsTheDifferenceOnce(string part, string words)
    {
        await using var run = new LocalRun(new MemoryStore());
        await run.SubmitAsync();
        var runner = await run.TakeAsync(First);
        runner.Stop(StopReason.Requested);
        runner.Start();
        await runner.Completion;
        await ChangeAsync(
            run,
            identity =>
                part switch
                {
                    "revision" => identity with { EngineRevision = 99 },
                    "recipe" => identity with { RecipeSha256 = "0000" },
                    _ => identity with { NumericsFingerprint = "000000000000" },
                }
        );

        for (var tries = 0; tries < 3; tries++)
        {
            // Each is another silo's taker, as after a restart.
            var (taken, reason) = await run.OfferAsync(First, new SlotOffer(LocalRun.Silo, ["cpu:0"]));
            Assert.Null(taken);
            Assert.NotNull(reason);
        }

        var refused = Assert.Single(await RefusalsAsync(run));
        Assert.StartsWith("The stage was begun with something else than is offered now: ", refused.Message, StringComparison.Ordinal);
        Assert.Contains(words, refused.Message.Replace("000000000000", "0000", StringComparison.Ordinal), StringComparison.Ordinal);
        Assert.DoesNotContain("{", refused.Message, StringComparison.Ordinal);
        Assert.Equal("test", refused.Silo);
    }

    [Fact]
    public async Task Offer_WhenWhatItGoesOnFromIsDamaged_IsRefusedWithAnEventThatNamesTheObject()
    {
        await using var run = new LocalRun(new MemoryStore());
        await run.SubmitAsync();
        var spec = (await run.Documents.TryReadSpecAsync(Stop))!;
        await run.Store.TryDeleteAsync($"data/{spec.Recipe.Data.Sha256}", cancellationToken: Stop);

        var (taken, reason) = await run.OfferAsync(First, new SlotOffer(LocalRun.Silo, ["cpu:0"]));

        Assert.Null(taken);
        Assert.Contains($"data/{spec.Recipe.Data.Sha256}", reason, StringComparison.Ordinal);
        Assert.Equal(reason, Assert.Single(await RefusalsAsync(run)).Message);
    }

    [Fact]
    public void Exception_OfAnotherIdentity_PrintsNoRecord()
    {
        var begun = new StageIdentity
        {
            RecipeSha256 = "r",
            DataSha256 = "d",
            EngineRevision = 1,
            NumericsFingerprint = "f",
        };
        var e = new StageIdentityException(begun, begun with { TeacherSha256 = "t" });

        Assert.Contains("teacher none then, t now", e.Message, StringComparison.Ordinal);
        Assert.DoesNotContain("StageIdentity", $"{e.Message}{begun}", StringComparison.Ordinal);
    }

    private static async Task ChangeAsync(LocalRun run, Func<StageIdentity, StageIdentity> change)
    {
        var root = (await run.Documents.TryReadRootAsync(First, Stop))!;
        await run.Store.WriteAsync(
            RunPaths.Root("micro", First),
            Core.CanonicalJson.Serialize(root with { Identity = change(root.Identity!) }),
            Stop
        );
    }

    private static async Task<IReadOnlyList<RunEvent>> RefusalsAsync(LocalRun run) =>
        await new RunEvents(run.Store, "micro")
            .ListAsync(cancellationToken: Stop)
            .Where(happened => happened.Kind == "take-refused")
            .ToListAsync(Stop);
}
