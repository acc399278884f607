using Slowrun.Storage;
using Slowrun.Storage.Tests;

namespace Slowrun.Grains.Tests;

public sealed class StoreOutageTests
{
    [Fact]
    public async Task Commit_WhenTheStoreIsAwayForOne_IsTriedAgainAndTold()
    {
        var store = new Away(new MemoryStore());
        await using var run = new LocalRun(store);
        await run.SubmitAsync(spec => spec with { Operations = spec.Operations with { CheckpointEverySteps = 1 } });
        store.Failures = 1;
        while (await run.StepAsync()) { }

        var story = await run.StoryAsync();
        Assert.Contains("checkpoint-failed", story, StringComparison.Ordinal);
        Assert.DoesNotContain("stage-error", story, StringComparison.Ordinal);
    }

    private sealed class Away(IObjectStore inner) : DelegatingStore(inner)
    {
        public int Failures { get; set; }

        protected override Task<T> AroundAsync<T>(Operation operation, Func<Task<T>> act) =>
            operation.Name.EndsWith("manifest.json", StringComparison.Ordinal) && operation.Kind == "create" && Failures-- > 0
                ? throw new StoreException(StoreProblem.Unreachable, "Away.")
                : act();
    }
}
