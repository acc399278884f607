using Slowrun.Core.Plan;
using Slowrun.Storage;

namespace Slowrun.Grains.Tests.Fleets;

/// <summary>Grains whose directory entry was on a silo that is lost.</summary>
public sealed class DirectoryTests
{
    [Fact]
    public async Task Activation_WhenTheSiloOfItsDirectoryEntryIsLost_GoesOn()
    {
        await using var fleet = await TestFleet.StartAsync(new MemoryStore(), 3, loops: false);
        // So many that some have their entry on each silo. Of slots that the silo does not have: the grain is active, and nothing is under
        // way.
        var stages = Enumerable.Range(0, 24).Select(stage => new StageId(0, stage)).ToList();
        var offer = fleet.Offer(0) with { Slots = ["cpu:7"] };
        foreach (var stage in stages)
        {
            await fleet.TakeAsync(0, "micro", stage, offer);
        }

        var activations = stages.Select(stage => fleet.ActivationOf("micro", stage)).ToList();
        await fleet.BuryAsync(2, seenBy: 1);
        await fleet.UntilGoneAsync(2, seenBy: 0);

        // Found from elsewhere by an entry that another silo has now.
        foreach (var stage in stages)
        {
            await fleet.TakeAsync(1, "micro", stage, offer);
        }

        Assert.Equal(activations, stages.Select(stage => fleet.ActivationOf("micro", stage)));
        Assert.DoesNotContain(activations, activation => activation.Deactivated.IsCompleted);
    }
}
