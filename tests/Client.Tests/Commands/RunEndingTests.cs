using Slowrun.Client.Commands;
using Slowrun.Core.Plan;
using Slowrun.Core.Specs;
using Slowrun.Core.Stages;
using Slowrun.Core.Status;

namespace Slowrun.Client.Tests.Commands;

public sealed class RunEndingTests
{
    private static readonly DateTimeOffset Now = new(2026, 11, 1, 12, 0, 0, TimeSpan.Zero);

    [Theory]
    [InlineData(true, "under another name")]
    [InlineData(false, "slowrun retry micro")]
    public void Ending_OfAFailedRun_AdvisesARetryOnlyWhereItCanHelp(bool repeats, string advice)
    {
        var failure = new StageFailure("The training loss became NaN.", "Another recipe.", 0, Now) { Repeats = repeats };
        var facts = new RunFacts(SpecReader.FromPreset("micro"))
        {
            Roots = new Dictionary<StageId, StageRoot>
            {
                [new StageId(0, 0)] = new() { EpochToken = 1, Failure = failure },
            },
        };

        var ending = RunCommand.Ending(StatusBuilder.Build(facts, StatusSource.Store, Now), facts);

        Assert.Contains(advice, ending, StringComparison.Ordinal);
        Assert.Equal(!repeats, ending.Contains("slowrun retry", StringComparison.Ordinal));
    }
}
