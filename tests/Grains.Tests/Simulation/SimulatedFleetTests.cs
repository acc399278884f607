namespace Slowrun.Grains.Tests.Simulation;

/// <summary>Fleets in virtual time: what they ask of the store, and how soon they take what is ready.</summary>
public sealed class SimulatedFleetTests
{
    private static readonly TimeSpan Latency = TimeSpan.FromMilliseconds(10);

    [Fact]
    public void Fleet_OfSilosThatAllTrain_ReadsTheRunOnceForAll()
    {
        var fleet = Training(silos: 20, stages: 20);

        fleet.Pass(TimeSpan.FromMinutes(1));

        // Each root about once in ten seconds, however many silos ask; each silo alone would read 20 of them every five seconds.
        Assert.InRange(fleet.Store.Counts.GetValueOrDefault("read root"), 1, 20 * 8);
    }

    [Fact]
    public void Fleet_WhenSilosAreLost_TakesTheirStagesWhereSlotsAreFree_ThoughTheReaderIsAmongThem()
    {
        var fleet = Training(silos: 20, stages: 15);

        fleet.Lose(fleet.Reader!, replaced: TimeSpan.FromSeconds(5));
        fleet.Pass(TimeSpan.FromSeconds(3));
        fleet.Lose(fleet.Silos.First(silo => silo.Owns), replaced: TimeSpan.FromSeconds(5));
        fleet.Pass(TimeSpan.FromSeconds(30));

        Assert.Equal(15, fleet.Trained);
        Assert.InRange(fleet.Takes().Count, 1, 2);
    }

    [Fact]
    public void Fleet_WhenTheReaderCannotBeReached_ReadsTheStoreAndTrainsAllTheSame()
    {
        var fleet = new SimFleet(count: 4, seed: 3, Latency, inTable: true) { RunGrainAnswers = false };
        fleet.Pass(TimeSpan.FromSeconds(15));
        fleet.Submit(chains: 3);

        fleet.Pass(TimeSpan.FromSeconds(30));

        Assert.Equal(3, fleet.Trained);
    }

    [Fact]
    public void Fleet_WithMoreReadyThanSlots_OffersEachStageByOneSilo()
    {
        var fleet = new SimFleet(count: 10, seed: 4, Latency, inTable: true);
        fleet.Pass(TimeSpan.FromSeconds(15));
        fleet.Submit(chains: 30);

        fleet.Pass(TimeSpan.FromSeconds(30));

        Assert.Equal((10, 10), (fleet.Trained, fleet.Offered));
    }

    [Fact]
    public void Fleet_WhenSomethingIsSubmitted_IsWokenForIt()
    {
        var fleet = Resting(wakesArrive: true);

        fleet.Submit(chains: 20);
        // The first look of any of twenty, and then the others with 10 ms between them.
        fleet.Pass(TimeSpan.FromSeconds(1.5));

        Assert.Equal(20, fleet.Trained);
    }

    [Fact]
    public void Fleet_WhenEveryWakeIsLost_FindsWorkByLooking()
    {
        var fleet = Resting(wakesArrive: false);

        fleet.Submit(chains: 20);
        fleet.Pass(TimeSpan.FromSeconds(1.5));
        Assert.InRange(fleet.Trained, 1, 19);
        fleet.Pass(TimeSpan.FromSeconds(5));

        Assert.Equal(20, fleet.Trained);
    }

    private static SimFleet Resting(bool wakesArrive)
    {
        var fleet = new SimFleet(count: 20, seed: 5, Latency, inTable: true) { WakesArrive = wakesArrive };
        fleet.Pass(TimeSpan.FromSeconds(30));
        return fleet;
    }

    private static SimFleet Training(int silos, int stages)
    {
        var fleet = new SimFleet(silos, seed: 1, Latency, inTable: true);
        fleet.Pass(TimeSpan.FromSeconds(15));
        fleet.Submit(stages);
        fleet.Pass(TimeSpan.FromSeconds(40));
        Assert.Equal(stages, fleet.Trained);
        fleet.Takes();
        fleet.Store.Counts.Clear();
        return fleet;
    }
}
