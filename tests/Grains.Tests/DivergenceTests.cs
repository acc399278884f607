using Slowrun.Core.Plan;
using Slowrun.Core.Recipes;
using Slowrun.Grains.Members;
using Slowrun.Storage;
using Slowrun.Storage.Runs;

namespace Slowrun.Grains.Tests;

/// <summary>A training that leaves the finite numbers fails once, by the name of what left them, and scoring that cannot succeed
/// ends.</summary>
public sealed class DivergenceTests
{
    private static readonly StageId Stage = new(0, 0);

    private readonly MemoryStore store = new();

    [Theory]
    [InlineData(1e20, 2.0)]
    [InlineData(1e38, 2.0)]
    [InlineData(1e20, 0.25)]
    public async Task Train_WithAnAbsurdRate_FailsAtOnceInWords(double rate, double epochs)
    {
        await using var run = new LocalRun(store);
        await run.SubmitAsync(spec => Absurd(spec, rate, epochs));

        var status = await run.FinishAsync();

        var facts = await run.FactsAsync();
        var failure = facts.FailureOf(Stage);
        Assert.Equal(RunState.Failed, status.State);
        Assert.Equal(1, facts.RootOf(Stage).EpochToken);
        Assert.True(failure is { Repeats: true }, await run.StoryAsync());
        Assert.Matches("not finite|became NaN|became -?Infinity|too large for float32", failure.Cause);
        Assert.DoesNotContain("`slowrun retry`", failure.Advice, StringComparison.Ordinal);
    }

    [Fact]
    public async Task TellAsync_OfAnErrorOfScoring_GivesUpWithinTheBudget()
    {
        await using var run = new LocalRun(store);
        await run.SubmitAsync();
        while (!(await run.FactsAsync()).RootOf(Stage).Finished)
        {
            await run.StepAsync();
        }

        var trouble = new ScoringTrouble(store, new RunFactsReader(store), TimeProvider.System);
        for (var i = 0; i < 3; i++)
        {
            Assert.Equal(StageState.Scoring, Readiness.StateOf(await run.FactsAsync(), Stage));
            await trouble.TellAsync("micro", Stage, new ArgumentException("A number that cannot be."));
        }

        Assert.Equal(StageState.Failed, Readiness.StateOf(await run.FactsAsync(), Stage));
        Assert.Contains(
            "stage-failed chain0/stage0: It could not be scored: A number that cannot be.",
            await run.StoryAsync(),
            StringComparison.Ordinal
        );
    }

    [Theory]
    [InlineData(typeof(IOException))]
    [InlineData(typeof(InvalidDataException))]
    public async Task TellAsync_OfTheStoresTrouble_CountsNothing(Type trouble)
    {
        await using var run = new LocalRun(store);
        await run.SubmitAsync();

        for (var i = 0; i < 5; i++)
        {
            await new ScoringTrouble(store, new RunFactsReader(store), TimeProvider.System).TellAsync(
                "micro",
                Stage,
                (Exception)Activator.CreateInstance(trouble, "away")!
            );
        }

        Assert.Empty((await run.Documents.ReadJudgingAsync(TestContext.Current.CancellationToken)).Of);
    }

    private static RunSpec Absurd(RunSpec spec, double rate, double epochs) =>
        spec with
        {
            Recipe = spec.Recipe with
            {
                Stage = spec.Recipe.Stage with
                {
                    Epochs = epochs,
                    Loop = null,
                    Optimizer = spec.Recipe.Stage.Optimizer with { MatrixLearningRate = rate },
                },
            },
        };
}
