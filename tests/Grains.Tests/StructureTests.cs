using Slowrun.Core;
using Slowrun.Core.Plan;
using Slowrun.Core.Specs;
using Slowrun.Core.Status;
using Slowrun.Grains.Slots;
using Slowrun.Storage;

namespace Slowrun.Grains.Tests;

/// <summary>Upstream's two systems in small: what they are made of trains to the end, and no loss of an owner changes a byte.</summary>
public sealed class StructureTests
{
    [Theory]
    [InlineData("ten-x", 2, 10)]
    [InlineData("snapshots", 4, 6)]
    public async Task Run_OfUpstreamsStructure_WhenItsOwnersAreLostAgainAndAgain_EndsWithTheSameBytes(string spec, int members, int every)
    {
        var calm = await FinishAsync(spec, loseEvery: null);
        var disturbed = await FinishAsync(spec, every);

        Assert.Equal(Snapshots(calm), Snapshots(disturbed));
        Assert.InRange(disturbed.Stages.Sum(stage => stage.Preemptions), 3, 1000);
        Assert.Equal(CanonicalJson.Serialize(calm.Ensemble), CanonicalJson.Serialize(disturbed.Ensemble));
        Assert.InRange(calm.Ensemble!.Members, 1, members);
    }

    /// <param name="loseEvery">After so many steps an owner ends without a commit, and is not alive any more; null: none does.</param>
    private static async Task<RunStatus> FinishAsync(string name, int? loseEvery)
    {
        var file = Path.Combine(AppContext.BaseDirectory, "Specs", $"{name}.yaml");
        var spec = SpecReader.FromText(await File.ReadAllTextAsync(file, TestContext.Current.CancellationToken), file);
        await using var run = new LocalRun(new MemoryStore(), name);
        await run.SubmitAsync(_ => spec with { Name = name });
        var steps = 0;
        while (
            await run.StepAsync(
                afterStep: (runner, _) =>
                {
                    if (++steps % loseEvery == 0)
                    {
                        runner.Stop(StopReason.Fenced);
                    }
                }
            )
        ) { }

        var status = await run.FinishAsync();
        Assert.True(status.State == RunState.Succeeded, await run.StoryAsync());
        return status;
    }

    private static IEnumerable<string?> Snapshots(RunStatus status) => status.Stages.Select(stage => stage.SnapshotSha256);
}
