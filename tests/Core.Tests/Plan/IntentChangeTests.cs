using Slowrun.Core.Stages;

namespace Slowrun.Core.Tests.Plan;

public sealed class IntentChangeTests
{
    private static readonly RunIntent Running = new();

    [Theory]
    [InlineData(DesiredState.Paused, "run-paused")]
    [InlineData(DesiredState.Cancelled, "run-cancelled")]
    public void Between_OfAnOrderForTheRun_IsOneEventAndNoneWhenGivenTwice(DesiredState state, string kind)
    {
        var after = Running.With(state, null);

        Assert.Equal([(kind, null)], IntentChange.Between(Running, after).Select(change => (change.Kind, change.Stage)));
        Assert.Equal(["run-resumed"], IntentChange.Between(after, Running).Select(change => change.Kind));
        Assert.Empty(IntentChange.Between(after, after));
    }

    [Fact]
    public void Between_OfOrdersForStages_NamesEach()
    {
        var after = Running.With(DesiredState.Cancelled, "chain0/stage0") with
        {
            Retries = new Dictionary<string, int> { ["chain1/stage0"] = 1, [JudgingFailures.Ensemble] = 1 },
            Adoptions = new Dictionary<string, int> { ["chain1/stage1"] = 2 },
        };

        Assert.Equal(
            [
                ("stage-cancelled", "chain0/stage0"),
                ("retry-asked", "chain1/stage0"),
                ("retry-asked", null),
                ("adoption-allowed", "chain1/stage1"),
            ],
            IntentChange.Between(Running, after).Select(change => (change.Kind, change.Stage))
        );
    }
}
