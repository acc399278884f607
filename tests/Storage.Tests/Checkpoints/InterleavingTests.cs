using System.Globalization;
using Slowrun.Core.Stages;
using Slowrun.Storage.Checkpoints;
using Slowrun.Storage.Runs;
using static Slowrun.Storage.Tests.Checkpoints.Examples;

namespace Slowrun.Storage.Tests.Checkpoints;

/// <summary>Several owners of one stage at once, in thousands of seeded orders of their operations.</summary>
public sealed class InterleavingTests
{
    // 10,000 by default; a night's run may ask for more.
    private static readonly int Seeds = int.Parse(
        Environment.GetEnvironmentVariable("SLOWRUN_INTERLEAVINGS") ?? "10000",
        CultureInfo.InvariantCulture
    );

    [Fact]
    public async Task Owners_InAnyOrderOfTheirOperations_CommitOneAfterTheOtherAndMixNothing()
    {
        var fenced = 0;
        var finished = 0;
        for (var seed = 0; seed < Seeds; seed++)
        {
            // Half of them with operations that get lost; callers try each call up to three times.
            var schedule = new Schedule(seed, lossRate: seed % 2 == 0 ? 0 : 0.03);
            schedule.Check = () => AssertWhole(schedule, seed);
            string[] names = ["a", "b", "c"];
            var writers = names
                .Take(2 + (seed % 4 / 2))
                .Select(name => new ExampleTrainer(schedule.For(name), name, triesOfACall: 3, newWriteId: Counted(name))
                {
                    // Told to stop, in a third of them: its release commits its last step.
                    LeavesAfter = name == "a" && seed % 3 == 0 ? 3 : null,
                })
                .ToArray();
            var runs = schedule.Run(() => [.. writers.Select(writer => CaughtAsync(writer.RunAsync())), CaughtAsync(GcAsync(schedule))]);

            await runs[^1];
            foreach (var e in await Task.WhenAll(runs.SkipLast(1)))
            {
                Assert.True(
                    e is null or FencedException or IOException
                        || (e is InvalidOperationException && e.Message.Contains("has finished", StringComparison.Ordinal)),
                    $"seed {seed}: {e}"
                );
                fenced += e is FencedException ? 1 : 0;
                finished += e is null ? 1 : 0;
            }

            AssertOneOwnerAToken(schedule, seed);
            AssertNextTakeFinishes(schedule, seed);
        }

        // Orders without a conflict would prove nothing.
        Assert.InRange(fenced, Seeds / 10, Seeds * 3);
        Assert.InRange(finished, Seeds / 2, Seeds * 3);
    }

    private static async Task<Exception?> CaughtAsync(Task run)
    {
        try
        {
            await run.ConfigureAwait(false);
            return null;
        }
        catch (Exception e) when (e is not Xunit.Sdk.IAssertionException)
        {
            return e;
        }
    }

    private static Func<string> Counted(string name)
    {
        var count = 0;
        return () => $"{name}{++count}";
    }

    private static async Task GcAsync(Schedule schedule)
    {
        var store = schedule.For("gc");
        for (var i = 0; i < 3; i++)
        {
            try
            {
                if (await new RunDocuments(store, Run).TryReadRootAsync(Stage).ConfigureAwait(false) is { } root)
                {
                    await Retention.SweepAsync(store, new StageSweep(Run, Stage, root, 2)).ConfigureAwait(false);
                }
            }
            catch (IOException) { }
        }
    }

    /// <summary>Whatever happens, all objects of the checkpoints that the root names are there.</summary>
    private static void AssertWhole(Schedule schedule, int seed)
    {
        if (schedule.Roots.Count == 0)
        {
            return;
        }

        var root = schedule.Roots[^1].Root;
        foreach (var checkpoint in new[] { root.Current, root.Previous }.OfType<CheckpointRef>())
        {
            var folder = checkpoint.Manifest[..(checkpoint.Manifest.LastIndexOf('/') + 1)];
            foreach (var name in new[] { "manifest.json", "part-0.safetensors", "part-1.safetensors" })
            {
                Assert.True(
                    schedule.Store.TryReadAsync(folder + name).Result is not null,
                    $"seed {seed}: '{folder}{name}' is gone, and the root names it"
                );
            }
        }
    }

    private static void AssertOneOwnerAToken(Schedule schedule, int seed)
    {
        StageRoot? before = null;
        var owner = "";
        foreach (var (writer, root) in schedule.Roots)
        {
            Assert.True(root.EpochToken >= (before?.EpochToken ?? 0), $"seed {seed}: the epoch token fell");
            Assert.True(
                root.EpochToken != before?.EpochToken || owner == writer,
                $"seed {seed}: {writer} wrote with the token {root.EpochToken} of {owner}"
            );
            Assert.True(
                root.EpochToken == (before?.EpochToken ?? 0) || (root.Current == before?.Current && root.Previous == before?.Previous),
                $"seed {seed}: a take changed the checkpoints"
            );
            Assert.True(
                root.Current == before?.Current || root.Current!.EpochToken == root.EpochToken,
                $"seed {seed}: another take's checkpoint was committed"
            );
            Assert.True(root.DurableStep >= (before?.DurableStep ?? 0), $"seed {seed}: the durable step fell");
            (before, owner) = (root, writer);
        }
    }

    private static void AssertNextTakeFinishes(Schedule schedule, int seed)
    {
        var documents = new RunDocuments(schedule.Store, Run);
        if (documents.TryReadRootAsync(Stage).Result?.Finished != true)
        {
            new ExampleTrainer(schedule.Store, "next").RunAsync().Wait();
        }

        var root = documents.TryReadRootAsync(Stage).Result!;
        ulong expected = 1;
        for (var step = 0; step < 6; step++)
        {
            expected = Step(expected, step);
        }

        var weights = new SnapshotStore(schedule.Store, Run, TimeProvider.System).ReadAsync(root.Snapshot!.Sha256).Result;
        Assert.True(expected == Hash(weights), $"seed {seed}: other bytes");
    }
}
