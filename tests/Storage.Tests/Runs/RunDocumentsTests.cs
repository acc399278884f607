using Microsoft.Extensions.Time.Testing;
using Slowrun.Core.Plan;
using Slowrun.Core.Recipes;
using Slowrun.Core.Stages;
using Slowrun.Storage.Runs;

namespace Slowrun.Storage.Tests.Runs;

public sealed class RunDocumentsTests
{
    private static readonly RunSpec Spec = new() { Name = "demo", Recipe = new Recipe() };

    private readonly MemoryStore store = new();
    private readonly RunDocuments documents;

    public RunDocumentsTests() => documents = new RunDocuments(store, "demo");

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    [Fact]
    public async Task TryCreateSpec_WhenOneExists_LeavesIt()
    {
        Assert.Null(await documents.TryReadSpecAsync(Cancel));
        Assert.True(await documents.TryCreateSpecAsync(Spec, Cancel));
        Assert.False(await documents.TryCreateSpecAsync(Spec with { Recipe = new Recipe { Seed = 7 } }, Cancel));

        Assert.Equal(42, (await documents.TryReadSpecAsync(Cancel))!.Recipe.Seed);
        Assert.Equal(["demo"], await RunDocuments.ListRunsAsync(store, Cancel).ToArrayAsync(Cancel));
    }

    [Fact]
    public async Task ChangeOperations_LeavesTheSubmittedSpecAsItWas()
    {
        await documents.TryCreateSpecAsync(Spec, Cancel);

        await documents.ChangeOperationsAsync(Spec.Operations, operations => operations with { Priority = 3 }, Cancel);

        var now = (await documents.TryReadSpecAsync(Cancel))!;
        Assert.Equal((3, 42), (now.Operations.Priority, now.Recipe.Seed));
        Assert.Equal(0, (await documents.TryReadSubmittedSpecAsync(Cancel))!.Operations.Priority);
    }

    [Fact]
    public async Task ChangeOperations_WhenChangesRace_KeepsThemAll()
    {
        await documents.TryCreateSpecAsync(Spec, Cancel);

        await Task.WhenAll(
            Enumerable
                .Range(0, 8)
                .Select(_ =>
                    Task.Run(() =>
                        documents.ChangeOperationsAsync(
                            Spec.Operations,
                            operations => operations with { Priority = operations.Priority + 1 },
                            Cancel
                        )
                    )
                )
        );

        Assert.Equal(8, (await documents.TryReadSpecAsync(Cancel))!.Operations.Priority);
    }

    /// <summary>The first write of a document and of its copy, with a whole change by another process between the two.</summary>
    [Fact]
    public async Task ChangeOperations_WithAnotherWithinTheFirst_KeepsEachOnce()
    {
        await documents.TryCreateSpecAsync(Spec, Cancel);
        var first = new RunDocuments(new InterruptedStore(store, () => RaiseAsync(documents)), "demo");

        await RaiseAsync(first);

        Assert.Equal(2, (await documents.TryReadSpecAsync(Cancel))!.Operations.Priority);
        Assert.True(await store.TryDeleteAsync(RunPaths.Operations("demo"), cancellationToken: Cancel));
        Assert.Equal(2, (await documents.TryReadSpecAsync(Cancel))!.Operations.Priority);
        Assert.DoesNotContain(
            await new RunEvents(store, "demo").ListAsync(cancellationToken: Cancel).ToListAsync(Cancel),
            one => one.Message.Contains("is missing", StringComparison.Ordinal)
        );
    }

    private static Task<Operations> RaiseAsync(RunDocuments of) =>
        of.ChangeOperationsAsync(Spec.Operations, operations => operations with { Priority = operations.Priority + 1 }, Cancel);

    /// <summary>Something else happens after its first write of the operations or of their copy.</summary>
    private sealed class InterruptedStore(IObjectStore inner, Func<Task> between) : DelegatingStore(inner)
    {
        private bool done;

        protected override async Task<T> AroundAsync<T>(Operation operation, Func<Task<T>> run)
        {
            var result = await run();
            if (!done && operation.Kind != "read" && operation.Name.StartsWith(RunPaths.Operations("demo"), StringComparison.Ordinal))
            {
                done = true;
                await between();
            }

            return result;
        }
    }

    /// <summary>A client whose copy is on its way while another changes the document, and which dies before it learns of that.</summary>
    [Fact]
    public async Task ChangeOperations_WhoseCopyArrivesAfterALaterChange_LeavesTheCopyOfThatOne()
    {
        await documents.TryCreateSpecAsync(Spec, Cancel);
        await RaiseAsync(documents);
        var late = new LateCopy(store, () => RaiseAsync(documents));

        await Assert.ThrowsAsync<IOException>(() =>
            new RunDocuments(late, "demo").ChangeOperationsAsync(Spec.Operations, operations => operations with { Priority = 9 }, Cancel)
        );

        Assert.True(await store.TryDeleteAsync(RunPaths.Operations("demo"), cancellationToken: Cancel));
        Assert.Equal(2, (await documents.TryReadSpecAsync(Cancel))!.Operations.Priority);
    }

    /// <summary>Something else happens before its write of a copy, after which nothing reaches the store.</summary>
    private sealed class LateCopy(IObjectStore inner, Func<Task> before) : DelegatingStore(inner)
    {
        private bool dead;

        protected override async Task<T> AroundAsync<T>(Operation operation, Func<Task<T>> run)
        {
            if (dead)
            {
                throw new IOException("The machine has vanished.");
            }

            if (operation.Kind == "read" || operation.Name != RunPaths.Operations("demo") + ".copy")
            {
                return await run();
            }

            await before();
            dead = true;
            return await run();
        }
    }

    [Fact]
    public async Task ChangeIntent_WhenChangesRace_KeepsThemAll()
    {
        Assert.Equal(DesiredState.Running, (await documents.ReadIntentAsync(Cancel)).Run);

        await Task.WhenAll(
            Enumerable
                .Range(0, 8)
                .Select(i =>
                    Task.Run(() =>
                        documents.ChangeIntentAsync(
                            intent =>
                                intent with
                                {
                                    Stages = new Dictionary<string, DesiredState>(intent.Stages)
                                    {
                                        [$"chain{i}/stage0"] = DesiredState.Paused,
                                    },
                                },
                            Cancel
                        )
                    )
                )
        );

        Assert.Equal(8, (await documents.ReadIntentAsync(Cancel)).Stages.Count);
    }

    [Fact]
    public async Task TryRead_OfADamagedDocument_NamesIt()
    {
        await store.WriteAsync("runs/demo/spec", "{\"name\":\"demo\",\"recipe\":{\"seeds\":1}}"u8.ToArray(), Cancel);

        var e = await Assert.ThrowsAsync<InvalidDataException>(() => documents.TryReadSpecAsync(Cancel));
        Assert.Contains("runs/demo/spec", e.Message, StringComparison.Ordinal);
        Assert.Contains("seeds", e.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task TryReadProgress_WhenDamaged_IsNullSinceItIsOnlyAHint()
    {
        var stage = new StageId(0, 0);
        var progress = new StageProgress
        {
            Stage = "chain0/stage0",
            EpochToken = 1,
            Activity = StageActivity.Training,
            Step = 3,
            Steps = 9,
            At = DateTimeOffset.UnixEpoch,
        };
        await documents.WriteProgressAsync(stage, progress, Cancel);
        Assert.Equal(progress, await documents.TryReadProgressAsync(stage, Cancel));

        await store.WriteAsync(RunPaths.Progress("demo", stage), new byte[9], Cancel);
        Assert.Null(await documents.TryReadProgressAsync(stage, Cancel));
    }

    [Theory]
    [InlineData("")]
    [InlineData("a/b")]
    [InlineData("..")]
    [InlineData(".hidden")]
    public async Task AnyDocument_OfANameThatIsNone_Throws(string run) =>
        await Assert.ThrowsAsync<ArgumentException>(async () => await new RunDocuments(store, run).TryReadSpecAsync(Cancel));

    [Fact]
    public async Task SubmittedAt_OfACopiedStore_IsWhenTheRunWasSubmitted()
    {
        var submitted = new DateTimeOffset(2026, 11, 1, 12, 0, 0, TimeSpan.Zero);
        var original = new MemoryStore(time: new FakeTimeProvider(submitted));
        await new RunDocuments(original, "demo").TryCreateSpecAsync(Spec, Cancel);
        var copy = new MemoryStore(time: new FakeTimeProvider(submitted.AddDays(3)));
        await foreach (var entry in original.ListAsync("", Cancel))
        {
            await copy.WriteAsync(entry.Name, (await original.TryReadAsync(entry.Name, Cancel))!.Content, Cancel);
        }

        Assert.Equal(submitted, (await new RunDocuments(copy, "demo").TryReadDatedSpecAsync(Cancel))!.Value.SubmittedAt);
        Assert.Equal(submitted, (await new RunFactsReader(copy).ReadAsync("demo", new HashSet<string>(), Cancel))!.SubmittedAt);
    }

    [Fact]
    public async Task ChangeIntent_ToCancelled_IsAnEventOfTheRun()
    {
        await documents.TryCreateSpecAsync(Spec, Cancel);

        await documents.ChangeIntentAsync(intent => intent.With(DesiredState.Cancelled, null), Cancel);
        await documents.ChangeIntentAsync(intent => intent.With(DesiredState.Cancelled, null), Cancel);

        Assert.Equal(
            ["run-cancelled"],
            await new RunEvents(store, "demo").ListAsync(cancellationToken: Cancel).Select(happened => happened.Kind).ToArrayAsync(Cancel)
        );
    }

    [Fact]
    public async Task ChangeIntent_WhenItsEventCannotBeWritten_HoldsAllTheSame()
    {
        await documents.TryCreateSpecAsync(Spec, Cancel);

        var now = await new RunDocuments(new WithoutEvents(store), "demo").ChangeIntentAsync(
            intent => intent.With(DesiredState.Cancelled, null),
            Cancel
        );

        Assert.Equal((DesiredState.Cancelled, DesiredState.Cancelled), (now.Run, (await documents.ReadIntentAsync(Cancel)).Run));
    }

    /// <summary>Has room for documents, and none for events.</summary>
    private sealed class WithoutEvents(IObjectStore inner) : DelegatingStore(inner)
    {
        protected override Task<T> AroundAsync<T>(Operation operation, Func<Task<T>> run) =>
            operation.Name.Contains("/events/", StringComparison.Ordinal) ? throw new IOException("No space left on device.") : run();
    }
}
