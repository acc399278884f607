using Slowrun.Storage.Checkpoints;
using Slowrun.Storage.Gcs;
using Slowrun.Storage.Runs;
using Slowrun.Tests.Gcs;
using static Slowrun.Storage.Tests.Checkpoints.Examples;

namespace Slowrun.Storage.Tests.Checkpoints;

/// <summary>The commit protocol with a fault at every one of its operations in turn.</summary>
public sealed class CrashTests
{
    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    [Theory]
    [MemberData(nameof(Faults))]
    public Task Run_WhenAnyOneOperationFails_TheNextTakesFinishWithTheSameBytesAndGcLeavesNothingElse(string fault, int triesOfACall) =>
        FailAnywhereAsync(NewMemoryAsync, fault, triesOfACall, leavesAfter: null, operations: 15);

    [Theory]
    [MemberData(nameof(Faults))]
    public Task Leave_WhenAnyOneOperationFails_TheNextTakesFinishWithTheSameBytesAndGcLeavesNothingElse(string fault, int triesOfACall) =>
        FailAnywhereAsync(NewMemoryAsync, fault, triesOfACall, leavesAfter: 3, operations: 10);

    [Fact]
    public async Task Run_OnGcsWhenItDiesAfterAnyOneOperation_TheNextTakesFinishWithTheBytesOfAnotherStore()
    {
        await using var server = new FakeGcs();
        await FailAnywhereAsync(
            async () => await GcsStore.OpenAsync(server.NewAddress(), server.Endpoint(), cancellationToken: Cancel),
            nameof(Fault.DiesAfter),
            triesOfACall: 1,
            leavesAfter: null,
            operations: 15
        );
    }

    public static TheoryData<string, int> Faults { get; } =
        new()
        {
            { nameof(Fault.RequestLost), 1 },
            { nameof(Fault.RequestLost), 3 },
            { nameof(Fault.AnswerLost), 1 },
            { nameof(Fault.AnswerLost), 3 },
            { nameof(Fault.Echo), 1 },
            { nameof(Fault.DiesBefore), 1 },
            { nameof(Fault.DiesAfter), 1 },
        };

    private static Task<IObjectStore> NewMemoryAsync() => Task.FromResult<IObjectStore>(new MemoryStore());

    private static async Task FailAnywhereAsync(
        Func<Task<IObjectStore>> openNew,
        string fault,
        int triesOfACall,
        int? leavesAfter,
        int operations
    )
    {
        var undisturbed = await FinishedAsync(new MemoryStore(), restarts: 0);
        for (var n = 1; ; n++)
        {
            var store = await openNew();
            var faulty = new FaultyStore(store, n, Enum.Parse<Fault>(fault));
            var first = await Record.ExceptionAsync(() =>
                new ExampleTrainer(faulty, "first", triesOfACall: triesOfACall) { LeavesAfter = leavesAfter }.RunAsync()
            );
            if (!faulty.Struck)
            {
                Assert.True(n > operations, $"Only {n} operations were made.");
                return;
            }

            Assert.True(
                (triesOfACall == 1 && fault != nameof(Fault.Echo)) || first is null,
                $"{n}, {faulty.StruckAt}: not overcome by trying again: {first}"
            );
            Assert.True(first is null or IOException, $"{n}, {faulty.StruckAt}: {first}");
            if (leavesAfter is { } left && first is null)
            {
                var root = (await new RunDocuments(store, Run).TryReadRootAsync(Stage, Cancel))!;
                Assert.True(root is { Owner: null } && root.DurableStep == left, $"{n}, {faulty.StruckAt}: {root}");
            }

            var names = await FinishedAsync(store, restarts: 2);
            Assert.True(undisturbed.SequenceEqual(names), $"{n}, {faulty.StruckAt}: left {string.Join(' ', names)}");
        }
    }

    /// <summary>Finishes the stage, sweeps as gc does, and gives what is left, without the tokens in the names.</summary>
    private static async Task<string[]> FinishedAsync(IObjectStore store, int restarts)
    {
        var documents = new RunDocuments(store, Run);
        for (var i = 0; i <= restarts && (await documents.TryReadRootAsync(Stage, Cancel))?.Finished != true; i++)
        {
            await new ExampleTrainer(store, $"next{i}").RunAsync();
        }

        var root = (await documents.TryReadRootAsync(Stage, Cancel))!;
        Assert.True(root.Finished);
        await Retention.SweepAsync(store, new StageSweep(Run, Stage, root, 2), Cancel);
        var final = await new CheckpointReader(store).RestoreAsync(Run, Stage, root, Cancel);
        Assert.Empty(final.Damaged);
        Assert.Equal(6, final.Checkpoint!.Step);
        var weights = await new SnapshotStore(store, Run, TimeProvider.System).ReadAsync(root.Snapshot!.Sha256, Cancel);
        Assert.Equal(Hash(final.Tensors), Hash(weights));
        var names = await store.ListAsync("", Cancel).Select(entry => entry.Name).ToArrayAsync(Cancel);
        return [.. names.Select(name => System.Text.RegularExpressions.Regex.Replace(name, @"/\d{6}-", "/TOKEN-"))];
    }
}
