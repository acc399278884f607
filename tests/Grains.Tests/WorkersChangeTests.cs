using Slowrun.Core.Plan;
using Slowrun.Core.Recipes;
using Slowrun.Core.Status;
using Slowrun.Grains.Slots;
using Slowrun.Grains.Stages;
using Slowrun.Storage;
using Slowrun.Storage.Tests;
using Slowrun.Storage.Tests.Checkpoints;

namespace Slowrun.Grains.Tests;

/// <summary>A slot joins a stage that trains, and leaves it: whatever becomes of it in between, the bytes are the same.</summary>
public sealed class WorkersChangeTests
{
    private static readonly StageId First = new(0, 0);
    private static readonly string[] One = ["cpu:0"];
    private static readonly string[] Two = ["cpu:0", "cpu:1"];

    [Fact]
    public async Task Train_WithASlotThatJoinsAndLeaves_EndsWithTheSameBytesAndTellsBoth()
    {
        await using var run = new LocalRun(new MemoryStore());
        await run.SubmitAsync(Longer);
        var named = new List<string>();
        await ChangingAsync(run, () => named.Add(Named(run)));
        var story = await run.StoryAsync();
        Assert.Equal(["cpu:0 cpu:1", "cpu:0"], named);
        Assert.Contains("it trains on cpu:0 cpu:1: cpu:1 had nothing to do.", story, StringComparison.Ordinal);
        Assert.Contains("it trains on cpu:0: cpu:1 leaves for other work.", story, StringComparison.Ordinal);
        Assert.DoesNotContain("stage-error", story, StringComparison.Ordinal);

        Assert.Equal(await CalmAsync(), Snapshots(await run.FinishAsync()));
    }

    /// <summary>A slot is used once the root names it, and free once the root names it no more.</summary>
    [Fact]
    public async Task Train_WithASlotThatJoinsAndLeaves_HoldsItWhileTheRootNamesIt()
    {
        using var table = new SlotTable(Two);
        var store = new RootWrites(new MemoryStore());
        await using var run = new LocalRun(store);
        await run.SubmitAsync(Longer);
        var held = new List<string>();
        // Before the write and after it.
        store.Written = () => held.Add(string.Join(' ', table.Free));

        await ChangingAsync(run, meanwhile: runner => runner.Held.Lend(table.TryReserve(One)!, table.Poke));

        Assert.Equal(["", "", "", ""], held);
        Assert.Equal(["cpu:1"], table.Free);
    }

    [Theory]
    [InlineData(nameof(Fault.DiesBefore))]
    [InlineData(nameof(Fault.DiesAfter))]
    [InlineData(nameof(Fault.RequestLost))]
    [InlineData(nameof(Fault.AnswerLost))]
    [InlineData(nameof(Fault.Echo))]
    public async Task Train_WhenAnyWriteOfAChangeGoesWrong_EndsWithTheSameBytes(string name)
    {
        var fault = Enum.Parse<Fault>(name);
        var calm = await CalmAsync();
        // The root before and after each change, and its copy.
        foreach (var (document, number) in new[] { ("root", 1), ("root", 2), ("root.copy", 1), ("root.copy", 2) })
        {
            var inner = new MemoryStore();
            var faulty = new FaultyStore(inner, number, fault, $"replace runs/micro/chain#/stage#/{document}");
            await using (var run = new LocalRun(faulty))
            {
                await run.SubmitAsync(Longer);
                await ChangingAsync(run, killed: faulty.Kills ? faulty.Striking : null);
            }

            Assert.True(faulty.StruckAt is not null, $"{document} {number} was not met; there were {string.Join(", ", faulty.Kinds.Keys)}");
            await using var next = new LocalRun(inner);
            var ended = Snapshots(await next.FinishAsync());
            Assert.True(calm.SequenceEqual(ended), $"{document} {number}: {await next.StoryAsync()}");
        }
    }

    /// <summary>Trains the first stage to its end, with a slot that joins after its first step and leaves as soon as it has
    /// joined.</summary>
    /// <param name="changed">Called when the root names other slots.</param>
    private static async Task ChangingAsync(
        LocalRun run,
        Action? changed = null,
        Action<StageRunner>? meanwhile = null,
        Task? killed = null
    )
    {
        var runner = await run.TakeAsync(First);
        meanwhile?.Invoke(runner);
        var asked = One;
        CrashPoint.Watcher.Value = point =>
        {
            if (point == CrashPoint.Slots)
            {
                changed?.Invoke();
            }
        };
        LocalRun.Start(
            runner,
            (owner, step) =>
            {
                // A step takes less than a write: it waits for the change that was asked for after the one before.
                SpinWait.SpinUntil(
                    () => owner.Held.Asked is null || killed?.IsCompleted == true,
                    // Where the change never comes: the test fails below.
                    TimeSpan.FromMinutes(1)
                );

                if (asked.SequenceEqual(owner.Held.Used) && owner.Held.Asked is null && (step == 1 || asked == Two))
                {
                    asked = step == 1 ? Two : One;
                    Assert.True(owner.Held.Ask(asked));
                }
            }
        );
        CrashPoint.Watcher.Value = null;
        if (killed is not null)
        {
            // A machine that has vanished ends somehow.
            await Task.WhenAny(killed, runner.Completion);
            runner.Stop(StopReason.Fenced);
        }

        await runner.Completion;
        Assert.True(
            killed?.IsCompleted == true || runner.Held.Used.SequenceEqual(One),
            $"It ended with {string.Join(' ', runner.Held.Used)}."
        );
    }

    private static string Named(LocalRun run) =>
        string.Join(' ', run.Documents.TryReadRootAsync(First).GetAwaiter().GetResult()!.Owner!.Slots);

    private static async Task<IEnumerable<string?>> CalmAsync()
    {
        await using var run = new LocalRun(new MemoryStore());
        await run.SubmitAsync(Longer);
        return Snapshots(await run.FinishAsync());
    }

    private static RunSpec Longer(RunSpec spec) =>
        spec with
        {
            Recipe = spec.Recipe with { Stage = spec.Recipe.Stage with { Epochs = 4, Lanes = 2 } },
            // No checkpoint comes in between.
            Operations = spec.Operations with
            {
                CheckpointEverySteps = 1000,
            },
        };

    private static IReadOnlyList<string?> Snapshots(RunStatus status) => [.. status.Stages.Select(stage => stage.SnapshotSha256)];

    /// <summary>Tells before and after each write of a root that changes its slots.</summary>
    private sealed class RootWrites(IObjectStore inner) : DelegatingStore(inner)
    {
        private int writes;

        public Action Written { get; set; } = () => { };

        protected override async Task<T> AroundAsync<T>(Operation operation, Func<Task<T>> act)
        {
            // The first is the take, the two after it are the changes.
            var counts =
                operation.Kind == "replace"
                && operation.Name.EndsWith("/root", StringComparison.Ordinal)
                && Interlocked.Increment(ref writes) <= 2;
            if (counts)
            {
                Written();
            }

            var result = await act();
            if (counts)
            {
                Written();
            }

            return result;
        }
    }
}
