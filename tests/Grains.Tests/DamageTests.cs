using Microsoft.Extensions.Time.Testing;
using Slowrun.Core.Plan;
using Slowrun.Core.Recipes;
using Slowrun.Grains.Members;
using Slowrun.Grains.Slots;
using Slowrun.Storage;
using Slowrun.Storage.Runs;
using Slowrun.Storage.Tests;

namespace Slowrun.Grains.Tests;

/// <summary>A run whose second stage is half trained, with each of its objects damaged in turn: it never ends with other bytes.</summary>
public sealed class DamageTests
{
    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    [Theory]
    [InlineData("flip")]
    [InlineData("truncate")]
    [InlineData("delete")]
    [InlineData("exchange")]
    public async Task Run_WhenAnyOneObjectIsDamaged_NeverEndsWithOtherBytes(string damage)
    {
        await using var calm = new LocalRun(new MemoryStore());
        await calm.SubmitAsync();
        var expected = (await calm.FinishAsync()).Stages.Select(stage => stage.SnapshotSha256).ToArray();

        var half = await HalfTrainedAsync();
        var names = await half.ListAsync("", Cancel)
            .Select(entry => entry.Name)
            .Where(name => !name.Contains("/events/", StringComparison.Ordinal))
            .ToArrayAsync(Cancel);
        Assert.True(names.Length > 12, string.Join(' ', names));
        foreach (var name in names)
        {
            var store = await CopyAsync(half);
            var touched = await DamageAsync(store, name, damage, names);
            await using var run = new LocalRun(store);
            var refusal = await WorkAsync(run);

            foreach (var stage in new StageId[] { new(0, 0), new(0, 1) })
            {
                var ended = await SnapshotAsync(run, stage);
                Assert.True(ended is null || ended == expected[stage.Stage], $"{damage} of {name}: {stage} ended with other bytes.");
            }

            // Whatever was not mended by itself was refused by name, to the caller or in an event.
            var mended =
                refusal is null && (await run.FactsAsync()) is var facts && Readiness.StateOf(facts) == Core.Plan.RunState.Succeeded;
            var told = refusal + await run.StoryAsync();
            Assert.True(
                mended || refusal == "No such run." || touched.Any(one => told.Contains(one, StringComparison.Ordinal)),
                $"{damage} of {name}: neither mended nor told: {told}"
            );
        }
    }

    /// <summary>Silos remember that a stage has finished when its root is lost, and try to score it again and again.</summary>
    [Theory]
    [InlineData("delete")]
    [InlineData("roll back")]
    public async Task Score_WhenTheRootOfAFinishedStageIsLost_DoesNotEndTheRunWithoutIt(string damage)
    {
        StageId first = new(0, 0);
        await using var calm = new LocalRun(new MemoryStore());
        await calm.SubmitAsync();
        var expected = await calm.FinishAsync();
        var store = new MemoryStore();
        await using var run = new LocalRun(store);
        await run.SubmitAsync();
        var root = RunPaths.Root("micro", first);
        var runner = await run.TakeAsync(first);
        var older = (await store.TryReadAsync(root, Cancel))!.Content;
        LocalRun.Start(runner, null);
        Assert.Equal(StopReason.Completed, await runner.Completion);
        // It reads the root of a stage that has just finished again.
        var reader = new RunFactsReader(store, new FakeTimeProvider(TimeProvider.System.GetUtcNow().AddMinutes(1)));
        Assert.Equal(StageState.Scoring, await StateAsync());

        await (damage == "delete" ? store.TryDeleteAsync(root, cancellationToken: Cancel) : store.WriteAsync(root, older, Cancel));
        var trouble = new ScoringTrouble(store, reader, TimeProvider.System);
        for (var tries = 0; tries <= new Operations().FailureBudget; tries++)
        {
            await trouble.TellAsync("micro", first, await Assert.ThrowsAnyAsync<Exception>(ScoreAsync));
        }

        Assert.Equal(StageState.Scoring, await StateAsync());
        var told = Assert.Single((await run.StoryAsync()).Split('\n'), line => line.StartsWith("scoring-failed", StringComparison.Ordinal));
        Assert.Contains($"'{root}' is missing or an older one", told, StringComparison.Ordinal);
        await WorkAsync(run);
        var ended = await run.FinishAsync();
        Assert.Equal(expected.Stages.Select(stage => stage.SnapshotSha256), ended.Stages.Select(stage => stage.SnapshotSha256));
        Assert.Equal(expected.Ensemble!.LossNats, ended.Ensemble!.LossNats);

        async Task<StageState> StateAsync() => Readiness.StateOf((await reader.ReadAsync("micro", new HashSet<string>(), Cancel))!, first);

        Task<bool> ScoreAsync() => run.Scoring.ScoreAsync("micro", first, ["cpu:0"], Cancel);
    }

    /// <summary>A store that lost them may get them back at any moment: between the failure and its report, too.</summary>
    [Theory]
    [InlineData("delete", WorkKind.Score)]
    [InlineData("delete", WorkKind.Average)]
    [InlineData("flip", WorkKind.Score)]
    [InlineData("flip", WorkKind.Average)]
    public async Task Score_WhenTheSpecAndItsCopyAreLost_IsToldOnceAndCountsNothing(string damage, WorkKind kind)
    {
        var store = new MemoryStore();
        await using var run = new LocalRun(store);
        await run.SubmitAsync();
        while (await WorkAsync() is var due && due.Kind != kind)
        {
            Assert.True(await run.StepAsync());
        }

        var (spec, copy) = (RunPaths.Spec("micro"), RunPaths.Spec("micro") + ".copy");
        var (good, goodCopy) = ((await store.TryReadAsync(spec, Cancel))!.Content, (await store.TryReadAsync(copy, Cancel))!.Content);
        var stage = (await WorkAsync()).Stage;
        var trouble = new ScoringTrouble(store, new RunFactsReader(store), TimeProvider.System);
        for (var tries = 0; tries <= new Operations().FailureBudget; tries++)
        {
            await DamageAsync(store, spec, damage, []);
            await DamageAsync(store, copy, damage, []);
            var error = await Assert.ThrowsAnyAsync<Exception>(ScoreAsync);
            await trouble.TellAsync("micro", stage, error);
            await store.WriteAsync(spec, good, Cancel);
            await store.WriteAsync(copy, goodCopy, Cancel);
            await trouble.TellAsync("micro", stage, error);
        }

        Assert.Equal(kind, (await WorkAsync()).Kind);
        Assert.Empty((await run.Documents.ReadJudgingAsync(Cancel)).Of);
        var told = Assert.Single((await run.StoryAsync()).Split('\n'), line => line.StartsWith("scoring-failed", StringComparison.Ordinal));
        Assert.Contains($"'{spec}' is {(damage == "delete" ? "missing" : "damaged")}", told, StringComparison.Ordinal);
        Assert.Equal(Core.Plan.RunState.Succeeded, (await run.FinishAsync()).State);

        async Task<ReadyWork> WorkAsync() => WorkOrder.Of([await run.FactsAsync()])[0];

        Task<bool> ScoreAsync() =>
            stage is { } member
                ? run.Scoring.ScoreAsync("micro", member, ["cpu:0"], Cancel)
                : run.Averaging.ScoreAsync("micro", ["cpu:0"], Cancel);
    }

    /// <summary>An event would make a folder of it, which the store would list as a run.</summary>
    [Fact]
    public async Task TellAsync_OfARunThatWasDeleted_WritesNothing()
    {
        var store = new MemoryStore();
        await using var run = new LocalRun(store);
        await run.SubmitAsync();
        await run.FinishAsync();
        await new RunRemoval(store, "micro").DeleteAsync(cancellationToken: Cancel);
        var trouble = new ScoringTrouble(store, new RunFactsReader(store), TimeProvider.System);

        await trouble.TellAsync(
            "micro",
            new StageId(0, 0),
            await Assert.ThrowsAnyAsync<Exception>(() => run.Scoring.ScoreAsync("micro", new StageId(0, 0), ["cpu:0"], Cancel))
        );

        Assert.Empty(await RunDocuments.ListRunsAsync(store, Cancel).ToArrayAsync(Cancel));
    }

    [Fact]
    public async Task TellAsync_WhenTheStoreFailsOnce_TellsAtTheNextTry()
    {
        var store = new MemoryStore();
        await using var run = new LocalRun(store);
        await run.SubmitAsync();
        var failing = new FailingOnce(store);
        var trouble = new ScoringTrouble(failing, new RunFactsReader(store), TimeProvider.System);

        for (var tries = 0; tries < 3; tries++)
        {
            await trouble.TellAsync("micro", new StageId(0, 0), new InvalidDataException("'it' is damaged."));
        }

        Assert.Single((await run.StoryAsync()).Split('\n'), line => line.Contains("'it' is damaged.", StringComparison.Ordinal));
    }

    /// <summary>As slot loops do, for a while.</summary>
    /// <returns>The last refusal; null where it came to an end.</returns>
    private static async Task<string?> WorkAsync(LocalRun run)
    {
        string? refusal = null;
        for (var pieces = 0; pieces < 10; pieces++)
        {
            try
            {
                if (!await run.StepAsync())
                {
                    return null;
                }
            }
            catch (Exception e) when (e is InvalidDataException or InvalidOperationException)
            {
                refusal = e.Message;
            }
        }

        return refusal;
    }

    private static async Task<string?> SnapshotAsync(LocalRun run, StageId stage)
    {
        try
        {
            return (await run.Documents.TryReadRootAsync(stage, Cancel))?.Snapshot?.Sha256;
        }
        catch (InvalidDataException)
        {
            return null;
        }
    }

    private static async Task<MemoryStore> HalfTrainedAsync()
    {
        var store = new MemoryStore();
        await using var run = new LocalRun(store);
        await run.SubmitAsync();
        while ((await run.FactsAsync()).RootOf(new StageId(0, 1)).DurableStep < 3)
        {
            Assert.True(
                await run.StepAsync(
                    afterStep: (runner, step) =>
                    {
                        if (runner.Stage.Stage == 1 && step >= 4)
                        {
                            runner.Stop(StopReason.Requested);
                        }
                    }
                )
            );
        }

        Assert.True((await run.FactsAsync()).RootOf(new StageId(0, 0)).Finished, await run.StoryAsync());
        Assert.False((await run.FactsAsync()).RootOf(new StageId(0, 1)).Finished);
        return store;
    }

    private static async Task<MemoryStore> CopyAsync(MemoryStore from)
    {
        var copy = new MemoryStore();
        await foreach (var entry in from.ListAsync("", Cancel))
        {
            await copy.WriteAsync(entry.Name, (await from.TryReadAsync(entry.Name, Cancel))!.Content, Cancel);
        }

        return copy;
    }

    private static async Task<string[]> DamageAsync(MemoryStore store, string name, string damage, string[] names)
    {
        var good = (await store.TryReadAsync(name, Cancel))!.Content;
        switch (damage)
        {
            case "delete":
                await store.TryDeleteAsync(name, cancellationToken: Cancel);
                break;
            case "truncate":
                await store.WriteAsync(name, good[..^1], Cancel);
                break;
            case "flip":
                var bytes = good.ToArray();
                bytes[bytes.Length / 2] ^= 1;
                await store.WriteAsync(name, bytes, Cancel);
                break;
            default:
                // With the next of its kind, if there is one.
                var other =
                    names.FirstOrDefault(one => one != name && one.Split('/')[^1] == name.Split('/')[^1])
                    ?? names[(Array.IndexOf(names, name) + 1) % names.Length];
                await store.WriteAsync(name, (await store.TryReadAsync(other, Cancel))!.Content, Cancel);
                await store.WriteAsync(other, good, Cancel);
                return [name, other];
        }

        return [name];
    }

    private sealed class FailingOnce(IObjectStore inner) : DelegatingStore(inner)
    {
        private bool failed;

        protected override Task<T> AroundAsync<T>(Operation operation, Func<Task<T>> run)
        {
            if (failed)
            {
                return run();
            }

            failed = true;
            return Task.FromException<T>(new StoreException(StoreProblem.Full, "The store is away."));
        }
    }
}
