using System.Collections.Concurrent;
using Slowrun.Core.Plan;
using Slowrun.Core.Specs;
using Slowrun.Core.Stages;
using Slowrun.Grains.Loop;
using Slowrun.Grains.Slots;
using Slowrun.Grains.Stages;

namespace Slowrun.Grains.Tests.Loop;

/// <summary>What a silo that waits for work prepares.</summary>
public sealed class WarmingTests : IDisposable
{
    private readonly ConcurrentQueue<(string Slot, StageId? Stage)> computed = new();
    private readonly Fingerprints fingerprints;
    private readonly List<SlotTable> tables = [];

    public WarmingTests() =>
        fingerprints = new Fingerprints(
            (slot, plan) =>
            {
                computed.Enqueue((slot, plan?.Id));
                return "one";
            }
        );

    public void Dispose() => tables.ForEach(table => table.Dispose());

    [Fact]
    public async Task Begin_OfARunThatGoesOn_TakesTheFingerprintsOfItsUnfinishedStages_Once()
    {
        var warming = new Warming(fingerprints, Slots("cpu:0", "cpu:1"));
        var finished = new StageRoot { EpochToken = 1, Snapshot = new("s", new string('a', 64), 1, DateTimeOffset.UnixEpoch) };
        var facts = Facts("run") with { Roots = new Dictionary<StageId, StageRoot> { [new(0, 0)] = finished } };

        warming.Begin([facts]);
        await warming.Done;
        warming.Begin([facts]);
        await warming.Done;

        Assert.Equal([("cpu:0", new StageId(0, 1))], computed);
    }

    [Fact]
    public async Task Begin_WithoutAFreeProcessor_OrOfAPausedRun_DoesNothing()
    {
        var cuda = new Warming(fingerprints, Slots("cuda:0"));
        cuda.Begin([Facts("run")]);
        await cuda.Done;
        var busy = Slots("cpu:0");
        using var held = busy.TryReserve(["cpu:0"]);
        var warming = new Warming(fingerprints, busy);
        warming.Begin([Facts("run")]);
        await warming.Done;
        var idle = new Warming(fingerprints, Slots("cpu:0"));
        idle.Begin([Facts("run") with { Intent = new RunIntent { Run = DesiredState.Paused } }]);
        await idle.Done;

        Assert.Empty(computed);
    }

    [Fact]
    public async Task Begin_AfterTheSiloWasToldToStop_ComputesNothing()
    {
        var warming = new Warming(fingerprints, Slots("cpu:0"));
        warming.Stop();

        warming.Begin([Facts("run")]);
        await warming.Done;

        Assert.Empty(computed);
    }

    private SlotTable Slots(params string[] names)
    {
        var table = new SlotTable(names);
        tables.Add(table);
        return table;
    }

    private static RunFacts Facts(string run)
    {
        var spec = SpecReader.FromPreset("micro", new SpecOverrides { Name = run, Set = ["chains=[{stages: 2}]"] });
        return new RunFacts(spec);
    }
}
