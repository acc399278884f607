using Slowrun.Core.Plan;
using Slowrun.Core.Stages;
using Slowrun.Fleet.Chaos.Platform;

namespace Slowrun.EndToEnd.Tests;

/// <summary>Silos that cannot hear each other while all reach the store: one writer all the same. (That the bytes are the same too, chaos
/// shows.)</summary>
[Collection(Cli.Training)]
public sealed class SplitBrainTests
{
    private const int LaterCommits = 5;
    private static readonly StageId Stage = new(0, 0);

    private static CancellationToken Stop => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Owner_WhenPartedFromTheOthersButNotFromTheStore_CommitsUntilAnotherHasItsStage_AndNeverAgain()
    {
        using var store = new TemporaryStore();
        var cli = new Cli(store.Path);
        Assert.Equal(
            0,
            (
                await cli.RunAsync(
                    "submit",
                    "tiny",
                    "--set",
                    "chains=[{stages: 1}]",
                    "--set",
                    "stage.epochs=5000",
                    "--set",
                    "operations.checkpointAtLeastEvery=500ms",
                    "--set",
                    "operations.checkpointAtMostEvery=500ms"
                )
            ).ExitCode
        );
        using var network = new RelayNetwork();
        var machines = ((string[])["owner", "one", "two"]).ToDictionary(name => name, name => Machine(network, store.Path, name));
        using var owner = Start(cli, machines["owner"]);
        await cli.UntilAsync("tiny", owner, facts => facts.RootOf(Stage).DurableStep > 0);
        using var one = Start(cli, machines["one"]);
        using var two = Start(cli, machines["two"]);
        await one.ServesAsync();
        await two.ServesAsync();

        await network.IsolateAsync(machines["owner"]);

        var before = (await RootAsync(cli)).DurableStep;
        CheckpointRef? last = null;
        await cli.UntilAsync(
            "tiny",
            one,
            facts =>
            {
                var root = facts.RootOf(Stage);
                // On a busy machine the next owner may have committed before this look.
                last = root.Current is { EpochToken: 1 } now ? now : last;
                return root.EpochToken > 1;
            }
        );
        // It trained and committed on, cut off as it was, until another took the stage.
        Assert.NotNull(last);
        Assert.True(last.Step > before, $"step {last.Step} was durable when the stage was taken, {before} when the silos were parted");
        var atTake = (await RootAsync(cli)).Current!;
        Assert.True(atTake.EpochToken == 2 || atTake.Step >= last.Step, $"{atTake} after {last}");
        var commits = new HashSet<CheckpointRef>();
        await cli.UntilAsync(
            "tiny",
            one,
            facts =>
            {
                var root = facts.RootOf(Stage);
                Assert.Equal((2, 1), (root.EpochToken, root.Preemptions));
                Assert.True(root.Current is { } now && (now == atTake || now.EpochToken == 2), $"The old owner committed: {root.Current}");
                Assert.True(root.Current!.Step >= atTake.Step, $"{root.Current} after {atTake}");
                commits.Add(root.Current!);
                return commits.Count > LaterCommits && owner.Process.HasExited;
            }
        );
        // It has read in the store that the others gave it up.
        Assert.Equal(75, (await owner.EndAsync(Stop)).ExitCode);
    }

    private static RelayedMachine Machine(RelayNetwork network, string store, string name)
    {
        var machine = network.Add(name);
        machine.ProcessId = () => Processes.TrySiloNamed(store, name);
        return machine;
    }

    private static CliProcess Start(Cli cli, RelayedMachine machine) =>
        cli.Start(
            new Dictionary<string, string> { ["SLOWRUN_MACHINE"] = machine.Name },
            ["silo", "--slots", "cpu:1", "--name", machine.Name, .. machine.Arguments]
        );

    private static async Task<StageRoot> RootAsync(Cli cli) => (await cli.FactsAsync("tiny", Stop))!.RootOf(Stage);
}
