using Microsoft.Extensions.Time.Testing;
using Slowrun.Clustering.Membership;
using Slowrun.Core;
using Slowrun.Core.Specs;
using Slowrun.Core.Stages;
using Slowrun.Fleet.Chaos.Leftovers;
using Slowrun.Storage;
using Slowrun.Storage.Runs;

namespace Slowrun.Fleet.Tests.Chaos.Leftovers;

public sealed class ChaosLeftoversTests
{
    private const string Calm = "micro-calm-120000";
    private const string Disturbed = "micro-chaos-120000";

    private static readonly ProcessIdentity Killed = ProcessIdentity.Current with { StartTicks = 1 };

    private readonly FakeTimeProvider time = new(Example.Start);
    private readonly List<string> told = [];
    private readonly IObjectStore store;
    private readonly ChaosMarks marks;
    private readonly ChaosLeftovers leftovers;

    public ChaosLeftoversTests()
    {
        store = new MemoryStore("memory:chaos", time);
        marks = new ChaosMarks(store, time, told.Add);
        leftovers = new ChaosLeftovers(store, time, marks, told.Add);
    }

    [Fact]
    public async Task Look_AfterAKilledChaos_NamesItsRunsAndTheCommandAndStopsThem()
    {
        await HaveMarkAsync(Killed, Calm, Disturbed);
        await HaveRunAsync(Calm);
        await HaveRunAsync("micro-calm-115959");

        await LookAsync();

        var line = Assert.Single(told);
        Assert.Contains($"left the run {Calm}.", line, StringComparison.Ordinal);
        Assert.Contains("'slowrun chaos --clean --store memory:chaos'", line, StringComparison.Ordinal);
        Assert.Equal(DesiredState.Cancelled, await IntentAsync(Calm));
        Assert.Equal(DesiredState.Running, await IntentAsync("micro-calm-115959"));
    }

    [Fact]
    public async Task Look_AfterAChaosThatMadeNothing_ForgetsIt()
    {
        await HaveMarkAsync(Killed, Calm, Disturbed);

        await LookAsync();

        Assert.Empty(told);
        Assert.Empty(await store.ListNamesAsync("chaos/", Example.Stop).ToListAsync(Example.Stop));
    }

    [Fact]
    public async Task Look_WhileAnotherChaosOfThisMachineLives_IsRefused()
    {
        await HaveMarkAsync(ProcessIdentity.Current, Calm, Disturbed);
        await HaveRunAsync(Calm);

        var e = await Assert.ThrowsAsync<NotPossibleException>(LookAsync);

        Assert.Contains("is used by another chaos", e.Message, StringComparison.Ordinal);
        Assert.Equal(DesiredState.Running, await IntentAsync(Calm));
    }

    [Fact]
    public async Task Look_WhileAChaosOfAnotherMachineGivesSigns_IsRefusedAndWithoutSignsItIsGone()
    {
        await using var own = await marks.BeginAsync([], null, Example.Stop);
        await HaveMarkAsync(ProcessIdentity.Current with { Machine = "another" }, Calm);
        await HaveRunAsync(Calm);

        var living = leftovers.LookAsync(own, Example.Stop);
        time.Advance(TimeSpan.FromSeconds(1));
        await HaveMarkAsync(ProcessIdentity.Current with { Machine = "another" }, Calm);
        await OverTimeAsync(living);
        await Assert.ThrowsAsync<NotPossibleException>(() => living);
        Assert.Equal(DesiredState.Running, await IntentAsync(Calm));

        var gone = leftovers.LookAsync(own, Example.Stop);
        await OverTimeAsync(gone);
        await gone;
        Assert.Equal(DesiredState.Cancelled, await IntentAsync(Calm));
    }

    [Fact]
    public async Task Look_OfANameThatAnotherRunHasNow_LeavesThatAlone()
    {
        await HaveMarkAsync(Killed, Calm);
        time.Advance(TimeSpan.FromHours(1));
        await HaveRunAsync(Calm);

        await LookAsync();

        Assert.Empty(told);
        Assert.Equal(DesiredState.Running, await IntentAsync(Calm));
    }

    [Theory]
    [InlineData(true, DesiredState.Cancelled)]
    [InlineData(false, DesiredState.Running)]
    public async Task Leave_OfAChaosWithARun_KeepsItsMarkForTheNextOne(bool interrupted, DesiredState state)
    {
        await using var own = await marks.BeginAsync([Calm, Disturbed], null, Example.Stop);
        await HaveRunAsync(Calm);

        await leftovers.LeaveAsync(own, interrupted);

        Assert.Contains($"keeps the run {Calm} of this chaos", Assert.Single(told), StringComparison.Ordinal);
        Assert.Equal(state, await IntentAsync(Calm));
        Assert.Equal([own.Name], await store.ListNamesAsync("chaos/", Example.Stop).ToListAsync(Example.Stop));
    }

    [Fact]
    public async Task Leave_OfAChaosWithoutARun_LeavesNothing()
    {
        await using var own = await marks.BeginAsync([Calm, Disturbed], null, Example.Stop);

        await leftovers.LeaveAsync(own, interrupted: true);

        Assert.Empty(told);
        Assert.Empty(await store.ListNamesAsync("", Example.Stop).ToListAsync(Example.Stop));
    }

    [Fact]
    public async Task AMarkThatIsHeld_IsWrittenAgain()
    {
        await using var own = await marks.BeginAsync([Calm], null, Example.Stop);
        var before = await store.TryReadAsync(own.Name, Example.Stop);

        time.Advance(TimeSpan.FromSeconds(10));
        var after = before;
        while (after!.ETag == before!.ETag)
        {
            await Task.Yield();
            after = await store.TryReadAsync(own.Name, Example.Stop);
        }

        Assert.Equal(Example.Start.AddSeconds(10), after.ModifiedAt);
        Assert.Equal(before.Content.ToArray(), after.Content.ToArray());
    }

    private async Task LookAsync()
    {
        var own = await marks.BeginAsync([], null, Example.Stop);
        try
        {
            await leftovers.LookAsync(own, Example.Stop);
        }
        finally
        {
            await own.DeleteAsync();
        }
    }

    /// <summary>Lets the time go by until it is done.</summary>
    private async Task OverTimeAsync(Task work)
    {
        while (!work.IsCompleted)
        {
            time.Advance(TimeSpan.FromSeconds(1));
            await Task.Yield();
        }
    }

    private Task HaveMarkAsync(ProcessIdentity process, params string[] runs)
    {
        const string name = "chaos/20261101-120000-another";
        return store.WriteAsync(name, SealedJson.Serialize(name, new ChaosMark(process, "host", runs, null)), Example.Stop);
    }

    private async Task HaveRunAsync(string name) =>
        Assert.True(
            await new RunDocuments(store, name).TryCreateSpecAsync(
                SpecReader.FromPreset("micro", new SpecOverrides { Name = name }),
                Example.Stop
            )
        );

    private async Task<DesiredState> IntentAsync(string run) => (await new RunDocuments(store, run).ReadIntentAsync(Example.Stop)).Run;
}
