using Slowrun.Core.Plan;
using Slowrun.Core.Stages;
using Slowrun.Grains.Interfaces;
using Slowrun.Grains.Tests;
using Slowrun.Storage;

namespace Slowrun.Silo.Tests.Grains;

/// <summary>What the grains of a real silo believe of calls that no owner and no slot loop made: what the root says.</summary>
[Collection(Telemetry.Metric.OneAtATime)]
public sealed class ForgedCallsTests : IAsyncDisposable
{
    private static readonly StageId Stage = new(0, 0);

    private readonly LocalRun run = new(new MemoryStore(), "forged");

    private static CancellationToken Stop => TestContext.Current.CancellationToken;

    public ValueTask DisposeAsync() => run.DisposeAsync();

    [Fact]
    public async Task Report_WithATokenThatTheRootDoesNotHave_IsNotBelieved_AndTheOwnerTrainsOn()
    {
        await SubmitLongAsync();
        await using var silo = await TestSilo.StartAsync(run.Store, "first", metadata: null, Stop);
        await UntilAsync(facts => facts.Progress.GetValueOrDefault(Stage)?.Step > 0);
        var grain = silo.Grains.GetGrain<IRunGrain>("forged");
        var forged = (await run.FactsAsync()).Progress[Stage] with
        {
            EpochToken = long.MaxValue / 2,
            Step = 3,
            At = TimeProvider.System.GetUtcNow().AddYears(1),
        };
        var from = (await run.FactsAsync()).Progress[Stage].Step;

        // Until the owner has reported twice in between.
        var step = from;
        for (var reports = 0; reports < 2; reports++)
        {
            await Until.HoldsAsync(async () =>
            {
                Assert.Equal(1, (await grain.Report(forged)).EpochToken);
                Assert.Equal(1, (await grain.Report(forged with { EpochToken = 1, Step = int.MaxValue })).EpochToken);
                Assert.Equal(0, (await grain.Report(forged with { Stage = "chain7/stage7" })).EpochToken);
                return (await run.FactsAsync()).Progress[Stage] is { EpochToken: 1 } progress && progress.Step > step;
            });
            step = (await run.FactsAsync()).Progress[Stage].Step;
            await run.Documents.WriteProgressAsync(Stage, forged, Stop);
        }

        await UntilAsync(facts => facts.Progress[Stage] is { EpochToken: 1 } progress && progress.Step > step);
        var status = (await grain.GetStatus())!.Stages.Single(stage => stage.Id == Stage);
        Assert.InRange(status.Step, from, status.Steps);
        Assert.Equal(1, status.EpochToken);
        Assert.NotNull(status.Owner);
        Assert.Equal(1, (await run.FactsAsync()).RootOf(Stage).EpochToken);
        Assert.Single((await run.StoryAsync()).Split('\n'), line => line.StartsWith("stage-taken", StringComparison.Ordinal));
    }

    [Fact]
    public async Task Take_OfAStageThatALivingSiloOwns_IsRefused()
    {
        await SubmitLongAsync();
        await using var first = await TestSilo.StartAsync(run.Store, "first", metadata: null, Stop);
        await UntilAsync(facts => facts.Progress.GetValueOrDefault(Stage)?.Step > 0);
        await using var second = await TestSilo.StartAsync(run.Store, "second", metadata: null, Stop);
        await second.UntilReadyAsync();
        var grain = second.Grains.GetGrain<IStageGrain>("forged/chain0/stage0");

        var answer = new TakeAnswer(false, Moving: true);
        while (answer.Moving)
        {
            answer = await grain.Take(new SlotOffer(second.Address, ["cpu:0"]));
        }

        // Where the activation is: with the owner, or on a silo that reads who the owner is.
        Assert.Contains(answer.Reason, (string[])["first is at it.", "first has it."]);
        Assert.False(answer.Taken);
        Assert.Equal(
            (1, "first"),
            ((await run.FactsAsync()).RootOf(Stage) is var root ? (root.EpochToken, root.Owner?.SiloName) : default)
        );
        foreach (IReadOnlyList<string> slots in new[] { [], ["cpu:7"], (string[])["cpu:0", "cpu:0"] })
        {
            while ((answer = await grain.Take(new SlotOffer(first.Address, slots))).Moving) { }

            Assert.Contains("expected one or more of this silo's slots", answer.Reason, StringComparison.Ordinal);
        }
    }

    [Fact]
    public async Task Calls_OfRunsThatDoNotExist_LeaveNothingInTheStoreAndNothingInMemory()
    {
        await using var silo = await TestSilo.StartAsync(run.Store, "first", metadata: null, Stop);
        await silo.UntilReadyAsync();
        var before = await NamesAsync();
        foreach (var name in new[] { "unknown", "../../etc/passwd", "UPPER", "a b" })
        {
            var grain = silo.Grains.GetGrain<IRunGrain>(name);
            Assert.Null(await grain.GetStatus());
            await grain.Poke();
            Assert.Equal(
                0,
                (
                    await grain.Report(
                        new StageProgress
                        {
                            Stage = "chain0/stage0",
                            EpochToken = 7,
                            Activity = StageActivity.Training,
                            Step = 1,
                            Steps = 2,
                            At = TimeProvider.System.GetUtcNow(),
                        }
                    )
                ).EpochToken
            );
            var offer = new SlotOffer(silo.Address, ["cpu:0"]);
            Assert.NotNull(await Record.ExceptionAsync(() => silo.Grains.GetGrain<IStageGrain>($"{name}/chain0/stage0").Take(offer)));
            await UntilTakenAsync(() => silo.Grains.GetGrain<IMemberGrain>("unknown/chain0/stage0").Score(offer));
            await UntilTakenAsync(() => silo.Grains.GetGrain<IEnsembleGrain>("unknown").Mix(offer));
        }

        await Until.HoldsAsync(async stop =>
            !(
                await silo
                    .Grains.GetGrain<IManagementGrain>(0)
                    .GetDetailedGrainStatistics(types: null, hostsIds: null, cancellationToken: stop)
            ).Any(grain => grain.GrainId.Type.ToString() is "run" or "stage" or "member" or "ensemble")
        );

        Assert.Equal(before, await NamesAsync());
    }

    private Task SubmitLongAsync() =>
        run.SubmitAsync(spec =>
            spec with
            {
                Recipe = spec.Recipe with { Stage = spec.Recipe.Stage with { Epochs = 200_000 } },
                Operations = spec.Operations with
                {
                    CheckpointAtLeastEvery = TimeSpan.FromHours(1),
                    CheckpointAtMostEvery = TimeSpan.FromHours(1),
                },
            }
        );

    private async Task<List<string>> NamesAsync()
    {
        var names = new List<string>();
        await foreach (var entry in run.Store.ListAsync("", Stop))
        {
            names.Add(entry.Name);
        }

        return names;
    }

    /// <summary>The work before it may still hold the slot.</summary>
    private static Task UntilTakenAsync(Func<Task<TakeAnswer>> offer) => Until.HoldsAsync(async () => (await offer()).Taken);

    private Task UntilAsync(Func<RunFacts, bool> reached) => Until.HoldsAsync(async () => reached(await run.FactsAsync()));
}
