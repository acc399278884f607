using Slowrun.Storage;

namespace Slowrun.Grains.Tests.Fleets;

/// <summary>Grains whose directory entry was on a silo that is lost.</summary>
public sealed class DirectoryTests
{
    [Fact]
    public async Task Activation_WhenTheSiloOfItsDirectoryEntryIsLost_GoesOn()
    {
        // So many that some have their entry on each silo. Run grains: those of stages end with their work.
        var store = new MemoryStore();
        var runs = Enumerable.Range(0, 24).Select(number => $"run{number}").ToList();
        foreach (var run in runs)
        {
            await using var one = new LocalRun(store, run);
            await one.SubmitAsync();
        }

        await using var fleet = await TestFleet.StartAsync(store, 3, loops: false);
        foreach (var run in runs)
        {
            Assert.NotNull(await fleet.StatusAsync(0, run));
        }

        var activations = runs.Select(fleet.ActivationOf).ToList();
        await fleet.BuryAsync(2, seenBy: 1);
        await fleet.UntilGoneAsync(2, seenBy: 0);

        // Found from elsewhere by an entry that another silo has now.
        foreach (var run in runs)
        {
            Assert.NotNull(await fleet.StatusAsync(1, run));
        }

        Assert.Equal(activations, runs.Select(fleet.ActivationOf));
        Assert.DoesNotContain(activations, activation => activation.Deactivated.IsCompleted);
    }
}
