using Slowrun.Core.Plan;
using Slowrun.Grains.Tests;
using Slowrun.Silo.Tests.Telemetry;
using Slowrun.Storage;

namespace Slowrun.Silo.Tests.Preemption;

/// <summary>Whole silos that find out where they are, train, and are told that they go. Azure: <see cref="HandOverTraceTests"/>.</summary>
[Collection(Metric.OneAtATime)]
public sealed class PlatformNoticeTests
{
    private static readonly StageId Stage = new(0, 0);

    private static CancellationToken Stop => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Notice_OfAws_LosesNothing()
    {
        await using var server = new FakeAws { Rebalance = """{"noticeTime": "2026-11-01T11:59:00Z"}""" };

        var said = await LeaveAsync(
            server,
            () =>
                server.Action =
                    $$"""{"action": "terminate", "time": "{{TimeProvider.System.GetUtcNow().AddMinutes(2):yyyy-MM-ddTHH:mm:ssZ}}"}"""
        );

        Assert.Contains("AWS announced terminate", said, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Notice_OfGcp_LosesNothing()
    {
        await using var server = new FakeGcp { Maintenance = "MIGRATE_ON_HOST_MAINTENANCE" };

        var said = await LeaveAsync(server, () => server.Preempted = "TRUE");

        Assert.Contains("GCP announced preemption", said, StringComparison.Ordinal);
    }

    /// <summary>Trains without a checkpoint until the notice has made the silo leave.</summary>
    /// <returns>What the run's events say of it.</returns>
    private static async Task<string> LeaveAsync(FakePlatform server, Action announce)
    {
        await using var run = new LocalRun(new MemoryStore(), "announced");
        await run.SubmitAsync(spec =>
            spec with
            {
                Recipe = spec.Recipe with { Stage = spec.Recipe.Stage with { Epochs = 20000 } },
                Operations = spec.Operations with
                {
                    CheckpointAtLeastEvery = TimeSpan.FromHours(1),
                    CheckpointAtMostEvery = TimeSpan.FromHours(1),
                },
            }
        );
        await using var silo = await TestSilo.StartAsync(run.Store, "trainer", server.Address, Stop);
        await HandOverTraceTests.UntilAsync(run, facts => facts.Progress.GetValueOrDefault(Stage)?.Step > 0);

        announce();
        await silo.UntilStoppedAsync();

        var facts = await run.FactsAsync();
        var root = facts.RootOf(Stage);
        Assert.Null(root.Owner);
        Assert.Equal((0, facts.Progress[Stage].Step), (root.LostSteps, root.DurableStep));
        return await run.StoryAsync();
    }
}
