using Slowrun.Core.Plan;

namespace Slowrun.Core.Tests.Plan;

/// <summary>Which idle slots join which stage, and which leave it again.</summary>
public sealed class SlotMovesTests
{
    [Fact]
    public void Next_WithAnIdleSlotAndNoWork_DoublesTheStageWithTheFewestSlots() =>
        Assert.Equal(
            "b: cpu:2 cpu:3",
            Next([Held("a", "cpu:0", "cpu:1"), Held("b", "cpu:2")], free: ["cuda:0", "cpu:3"], wanted: null, lasted: 2)
        );

    [Theory]
    [InlineData(1, 4, null, "cpu:1", 1.9)] // Not idle for long.
    [InlineData(1, 1, null, "cpu:1", 3600)] // More workers than lanes.
    [InlineData(1, 4, 0, "cpu:1", 3600)] // The slot is for the work that is ready.
    [InlineData(1, 4, null, "cuda:1", 3600)] // Of another kind.
    [InlineData(2, 4, null, "cpu:7", 3600)] // Three workers would have an uneven share of the lanes.
    public void Next_WhereAnIdleSlotIsOfNoUse_LeavesAllAsItIs(int held, int lanes, int? wanted, string free, double lasted) =>
        Assert.Null(Next([Held("a", lanes, held)], [free], wanted, lasted));

    [Theory]
    [InlineData(29.0, false)]
    [InlineData(30.0, true)]
    public void Next_SoonAfterASlotHasLeft_LetsNoneJoin(double sinceLeft, bool joins) =>
        Assert.Equal(joins, Next([Held("a", "cpu:0")], ["cpu:1"], null, 3600, sinceLeft) is not null);

    [Fact]
    public void Next_WithWorkThatWaits_HalvesTheStageOfTheLowestPriorityWithTheMostSlots()
    {
        var high = Held("high", 8, 4) with { Priority = 1 };

        Assert.Equal("b: cpu:0 cpu:1", Next([Held("a", 8, 2), Held("b", 8, 4), high], [], wanted: 1, lasted: 3));
        Assert.Equal("high: cpu:0 cpu:1", Next([Held("a", "cpu:0"), high], [], wanted: 1, lasted: 3));
    }

    [Fact]
    public void Next_WithWorkThatWaits_TakesNoSlotFromAStageOfAHigherPriority_NorItsOnlyOne()
    {
        Assert.Null(Next([Held("high", 8, 4) with { Priority = 1 }], [], wanted: 0, lasted: 3600));
        Assert.Null(Next([Held("a", "cpu:0")], [], wanted: 0, lasted: 3600));
        Assert.Null(Next([Held("a", 8, 2)], ["cuda:0"], wanted: 0, lasted: 3600));
    }

    [Theory]
    [InlineData(false, 2.9, false)]
    [InlineData(false, 3.0, true)]
    [InlineData(true, 0.0, true)]
    public void Next_WithWorkThatAnotherSiloMayTake_WaitsForThat(bool alone, double lasted, bool leaves) =>
        Assert.Equal(leaves, SlotMoves.Next([Held("a", 8, 2)], [], 0, TimeSpan.FromSeconds(lasted), sinceLeft: null, alone) is not null);

    private static string? Next(
        IReadOnlyList<HeldWork> held,
        IReadOnlyList<string> free,
        int? wanted,
        double lasted,
        double? sinceLeft = null
    ) =>
        SlotMoves.Next(
            held,
            free,
            wanted,
            TimeSpan.FromSeconds(lasted),
            sinceLeft is { } left ? TimeSpan.FromSeconds(left) : null,
            alone: false
        )
            is { } move
            ? $"{move.Work}: {string.Join(' ', move.Slots)}"
            : null;

    private static HeldWork Held(string work, params string[] slots) => new(work, 0, 8, slots);

    private static HeldWork Held(string work, int lanes, int slots) =>
        new(work, 0, lanes, [.. Enumerable.Range(0, slots).Select(i => $"cpu:{i}")]);
}
