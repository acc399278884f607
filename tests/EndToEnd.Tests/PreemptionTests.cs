using Slowrun.Core.Plan;
using Slowrun.Core.Stages;
using Slowrun.Fleet.Chaos.Platform;
using Slowrun.Tests.Metadata;

namespace Slowrun.EndToEnd.Tests;

/// <summary>A real silo that trains and is told by its platform that the machine goes away.</summary>
[Collection(Cli.Waiting)]
public sealed class PreemptionTests
{
    private static readonly StageId Stage = new(0, 0);

    private static CancellationToken Stop => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Notice_WhileAStageTrains_LosesNothingAndIsAcknowledgedAfterTheLastCommit()
    {
        using var store = new TemporaryStore();
        var cli = new Cli(store.Path);
        StageRoot? whenAcknowledged = null;
        await using var server = new MetadataServer { OnAcknowledged = async _ => whenAcknowledged = await RootAsync(cli) };
        using var silo = await TrainingAsync(cli, server);

        var id = server.Announce("Preempt", TimeProvider.System.GetUtcNow().AddMinutes(5), "trainer_3");
        var end = await silo.EndAsync(Stop);

        Assert.True(end.ExitCode == 0, end.Output + end.Error);
        var root = await RootAsync(cli);
        Assert.True(root.DurableStep > 0);
        Assert.Equal(0, root.LostSteps);
        Assert.Equal((await cli.FactsAsync("tiny", Stop))!.Progress[Stage].Step, root.DurableStep);
        Assert.Equal(id, Assert.Single(server.Acknowledged));
        Assert.Empty(server.Refused);
        Assert.NotNull(whenAcknowledged);
        Assert.Null(whenAcknowledged.Owner);
        Assert.Equal(root.WriteId, whenAcknowledged.WriteId);
        var events = (await cli.RunAsync("events", "tiny")).Output;
        Assert.Contains("preemption-notice", events, StringComparison.Ordinal);
        Assert.Contains($"Azure Scheduled Events announced Preempt (event {id})", events, StringComparison.Ordinal);
        Assert.Contains("the machine goes away", events, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Notice_OfNoSeconds_ReleasesTheStageAtOnceAndCountsWhatIsLost()
    {
        using var store = new TemporaryStore();
        var cli = new Cli(store.Path);
        await using var server = new MetadataServer();
        using var silo = await TrainingAsync(cli, server);

        server.Announce("Preempt", notBefore: null, "trainer_3", "trainer_4");
        var end = await silo.EndAsync(Stop);

        Assert.True(end.ExitCode == 0, end.Output + end.Error);
        var root = await RootAsync(cli);
        Assert.Null(root.Owner);
        Assert.Equal(0, root.DurableStep);
        Assert.Equal((await cli.FactsAsync("tiny", Stop))!.Progress[Stage].Step, root.LostSteps);
        Assert.Empty(server.Acknowledged);
    }

    [Fact]
    public async Task Notice_ForAnotherMachineOrFromAServiceInTrouble_ChangesNothing()
    {
        using var store = new TemporaryStore();
        var cli = new Cli(store.Path);
        await using var server = new TroubledMetadataServer { Misbehaviour = (503, "busy") };
        using var silo = await TrainingAsync(cli, server);
        await AnswersAsync(server, 5, silo);
        server.Misbehaviour = null;
        server.Announce("Preempt", TimeProvider.System.GetUtcNow().AddSeconds(5), "trainer_4");
        await AnswersAsync(server, 5, silo);

        var before = (await cli.FactsAsync("tiny", Stop))!.Progress[Stage].Step;
        await cli.UntilAsync("tiny", silo, facts => facts.Progress[Stage].Step > before);

        var root = await RootAsync(cli);
        Assert.Equal(1, root.EpochToken);
        Assert.NotNull(root.Owner);
        Assert.Empty(server.Acknowledged);
        Assert.Single(silo.Output.Split('\n'), line => line.Contains("did not answer", StringComparison.Ordinal));
        Assert.Single(silo.Output.Split('\n'), line => line.Contains("answers again", StringComparison.Ordinal));
    }

    [Fact]
    public async Task Drain_OfASiloThatTrains_CommitsReleasesAndEndsIt()
    {
        using var store = new TemporaryStore();
        var cli = new Cli(store.Path);
        await using var server = new MetadataServer();
        using var silo = await TrainingAsync(cli, server);
        using var other = cli.Start("silo", "--slots", "cpu:1", "--name", "other");
        await cli.UntilAsync("tiny", other, facts => facts.Roots.Values.Count(root => root.Owner is not null) == 2);

        var wrong = await cli.RunAsync("drain", "trainr");
        Assert.Equal(3, wrong.ExitCode);
        Assert.Contains("Did you mean 'trainer'?", wrong.Error, StringComparison.Ordinal);
        var drain = await cli.RunAsync("drain", "trainer");

        Assert.True(drain.ExitCode == 0, drain.Error);
        Assert.Contains("trainer has left.", drain.Error, StringComparison.Ordinal);
        var end = await silo.EndAsync(Stop);
        Assert.True(end.ExitCode == 0, end.Output + end.Error);
        Assert.False(other.Process.HasExited);
        var roots = (await cli.FactsAsync("tiny", Stop))!.Roots.Values;
        Assert.All(roots, root => Assert.NotEqual("trainer", root.Owner?.SiloName));
        Assert.Contains(roots, root => root.DurableStep > 0);
        Assert.All(roots, root => Assert.Equal((0, 0), (root.LostSteps, root.Preemptions)));
    }

    /// <summary>Starts a silo that has trained some steps of a long stage, none of which is durable.</summary>
    private static async Task<CliProcess> TrainingAsync(Cli cli, MetadataServer server)
    {
        Assert.Equal(
            0,
            (
                await cli.RunAsync(
                    "submit",
                    "tiny",
                    "--set",
                    "stage.epochs=5000",
                    "--set",
                    "operations.checkpointAtLeastEvery=1h",
                    "--set",
                    "operations.checkpointAtMostEvery=1h"
                )
            ).ExitCode
        );
        var silo = cli.Start(
            "silo",
            "--slots",
            "cpu:1",
            "--name",
            "trainer",
            "--preemption",
            "azure",
            "--imds",
            server.Address.ToString(),
            "--vm-name",
            "trainer_3",
            "--imds-interval",
            "100ms"
        );
        await cli.UntilAsync("tiny", silo, facts => facts.Progress.GetValueOrDefault(Stage)?.Step > 0);
        return silo;
    }

    private static async Task<StageRoot> RootAsync(Cli cli) => (await cli.FactsAsync("tiny", Stop))!.RootOf(Stage);

    private static Task AnswersAsync(MetadataServer server, int more, CliProcess silo)
    {
        var wanted = server.Answers + more;
        return silo.UntilAsync(_ => Task.FromResult(server.Answers >= wanted));
    }
}
