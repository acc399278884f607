using Slowrun.Core.Plan;
using Slowrun.Core.Stages;
using Slowrun.Core.Status;

namespace Slowrun.Core.Tests.Plan;

/// <summary>Scoring and averaging that cannot succeed ends within its budget, and keeps nothing else from going on.</summary>
public sealed class JudgingFailuresTests
{
    private const string Stage = "chain0/stage0";

    private static readonly string[] Others = ["chain0/stage1", "chain1/stage0", "chain1/stage1", "chain2/stage0"];

    [Fact]
    public void Count_UpToTheBudget_GivesUpAtTheLastTry()
    {
        var failures = new JudgingFailures();
        var given = new List<bool>();
        for (var i = 0; i < 3; i++)
        {
            failures = failures.Count(Stage, "snapshot", Failure(), budget: 3);
            given.Add(failures.Of[Stage].GivenUp);
        }

        Assert.Equal([false, false, true], given);
    }

    [Fact]
    public void Count_OfWhatRepeats_GivesUpAtOnce() =>
        Assert.True(new JudgingFailures().Count(Stage, "snapshot", Failure() with { Repeats = true }, budget: 3).Of[Stage].GivenUp);

    [Theory]
    [InlineData("another snapshot", 0)]
    [InlineData("snapshot", 1)]
    public void Count_OfAnotherSubjectOrAfterARetry_BeginsAgain(string subject, int retry)
    {
        var failures = new JudgingFailures().Count(Stage, "snapshot", Failure(), 3).Count(Stage, "snapshot", Failure(), 3);

        Assert.Equal(1, failures.Count(Stage, subject, Failure(retry), 3).Of[Stage].Tries);
    }

    [Fact]
    public void StateOf_AStageThatCannotBeScored_IsFailedAndTheOthersAreAveraged()
    {
        var facts = Unscorable().Facts;

        Assert.Equal(StageState.Failed, Readiness.StateOf(facts, RunFactsExample.Id(Stage)));
        Assert.Empty(Readiness.ToScore(facts));
        Assert.Equal(3, Readiness.EnsembleDue(facts)!.Count);
        Assert.Equal(RunState.Running, Readiness.StateOf(facts));
    }

    [Fact]
    public void StateOf_ARunWhoseRestIsAveraged_IsFailed() =>
        Assert.Equal(RunState.Failed, Readiness.StateOf(Unscorable().Mixed("chain0/stage1", "chain1/stage0", "chain1/stage1").Facts));

    [Fact]
    public void StateOf_AfterARetry_IsScoringAgain() =>
        Assert.Equal(StageState.Scoring, Readiness.StateOf(Unscorable().Retry(Stage, 1).Facts, RunFactsExample.Id(Stage)));

    [Fact]
    public void StateOf_ARunThatCannotBeAveraged_IsFailedUntilARetry()
    {
        var example = new RunFactsExample().Scored([Stage, .. Others]);
        var members = example.Facts.ScoredMembers;
        example.Judging(new JudgingFailures().Count(JudgingFailures.Ensemble, example.Facts.SubjectOf(members), Failure(), 1));

        Assert.Null(Readiness.EnsembleDue(example.Facts));
        Assert.Equal(RunState.Failed, Readiness.StateOf(example.Facts));
        Assert.NotNull(Readiness.EnsembleDue(example.Retry(JudgingFailures.Ensemble, 1).Facts));
    }

    [Fact]
    public void Waits_OfAFailureThatRepeats_DoesNotAdviseARetry()
    {
        var example = new RunFactsExample().Finished(Stage);
        example.Judging(new JudgingFailures().Count(Stage, $"hash of {Stage}", Failure() with { Repeats = true }, 3));

        var waits = StatusBuilder.Build(example.Facts, StatusSource.Store, RunFactsExample.Now).Stages[0].Waits!;

        Assert.DoesNotContain("retry", waits, StringComparison.Ordinal);
    }

    private static RunFactsExample Unscorable()
    {
        var example = new RunFactsExample().Scored(Others).Finished(Stage);
        return example.Judging(new JudgingFailures().Count(Stage, $"hash of {Stage}", Failure(), 1));
    }

    private static StageFailure Failure(int retry = 0) => new("Its loss is not finite.", "Use another recipe.", retry, RunFactsExample.Now);
}
