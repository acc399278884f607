using Slowrun.Core.Order;
using Slowrun.Core.Recipes;
using Slowrun.Core.Tokens;

namespace Slowrun.Core.Tests.Order;

public sealed class DataOrderTests
{
    private static readonly DataShape Shape = new(SequenceLength: 7, Rows: 2, Lanes: 2);

    public static TheoryData<DataOrderRule> Rules => [.. Enum.GetValues<DataOrderRule>()];

    [Theory]
    [MemberData(nameof(Rules))]
    public void Read_InAnyOrderAndFromSeveralThreads_GivesWhatReadingInTurnGives(DataOrderRule rule)
    {
        var inTurn = Make(rule);
        var expected = Enumerable.Range(0, 8 * inTurn.MicroBatchesPerEpoch).Select(i => Read(inTurn, i)).ToArray();
        var shared = Make(rule);

        Parallel.For(
            0,
            expected.Length,
            i =>
            {
                var microBatch = expected.Length - 1 - i;
                Assert.Equal(expected[microBatch], Read(shared, microBatch));
            }
        );
    }

    [Theory]
    [MemberData(nameof(Rules))]
    public void Rows_OfOneEpoch_EmitNoRowTwice(DataOrderRule rule)
    {
        var order = Make(rule);
        foreach (var epoch in new[] { 1, 2, 5 })
        {
            var rows = order.Rows(epoch);
            var read = Enumerable.Range(0, rows.Count).Select(i => Row(rows, i)).ToArray();

            Assert.Equal(order.MicroBatchesPerEpoch * Shape.Rows, rows.Count);
            Assert.Equal(read.Length, read.Distinct().Count());
        }
    }

    [Theory]
    [MemberData(nameof(Rules))]
    public void Rows_OfTwoEpochs_AreInAnotherOrder(DataOrderRule rule)
    {
        var order = Make(rule);

        Assert.NotEqual(Row(order.Rows(2), 0) + Row(order.Rows(2), 1), Row(order.Rows(3), 0) + Row(order.Rows(3), 1));
    }

    [Fact]
    public void Constructor_WhenTheSetIsTooShort_SaysHowLongItMustBe()
    {
        var error = Assert.Throws<ArgumentException>(() => new DataOrder(DataOrderRule.Sequences, new Numbers(31, [0]), Shape, seed: 1));

        Assert.Contains("31", error.Message, StringComparison.Ordinal);
        Assert.Contains("32", error.Message, StringComparison.Ordinal);
    }

    private static DataOrder Make(DataOrderRule rule) =>
        new(rule, new Numbers(700, [0, 3, 3, 90, 200, 201, 450, 640]), Shape, seed: 5, fileSeed: 9);

    private static string Row(EpochRows rows, int index)
    {
        var row = new int[Shape.RowTokens];
        rows.Read(index, row);
        return string.Join(',', row);
    }

    private static int[] Read(DataOrder order, long microBatch)
    {
        var into = new int[Shape.Rows * Shape.RowTokens];
        order.Read(microBatch, into);
        return into;
    }

    /// <summary>Token i is i.</summary>
    private sealed class Numbers(long length, IReadOnlyList<long> starts) : TokenSet
    {
        public override long Length => length;

        public override IReadOnlyList<long> DocumentStarts => starts;

        public override IReadOnlyList<int> TokenBytes => [];

        public override void Read(long start, Span<int> into)
        {
            for (var i = 0; i < into.Length; i++)
            {
                into[i] = checked((int)(start + i));
            }
        }
    }
}
