using Slowrun.Core.Efficiency;

namespace Slowrun.Core.Tests.Efficiency;

public sealed class PairedBootstrapTests
{
    private static readonly (long, LossBlocks)[] Curve = [(100, Blocks(4, 2)), (200, Blocks(2, 0)), (1600, Blocks(0, -2))];

    [Fact]
    public void Interval_WhereTheModelDiffersAlikeInEveryBlock_IsThePointItself()
    {
        // Blocks are hard or easy for all: paired, their luck cancels. The curve falls by 2 in both blocks, the model is half-way.
        var interval = new PairedBootstrap(seed: 1).Interval(Blocks(3, 1), Curve, 100);

        Assert.Equal(Math.Sqrt(2), interval.Low.Times, 12);
        Assert.Equal(Math.Sqrt(2), interval.High.Times, 12);
    }

    [Fact]
    public void Interval_OfTwoBlocks_IsTheLossOfEitherBlockTwice()
    {
        // Drawn twice each with probability 1/4: the percentiles at 2.5 % and 97.5 % are these.
        var interval = new PairedBootstrap(seed: 1).Interval(Blocks(3, -1), Curve, 100);

        Assert.Equal(Math.Sqrt(2), interval.Low.Times, 12);
        Assert.Equal(2 * Math.Sqrt(8), interval.High.Times, 12);
    }

    [Fact]
    public void Interval_WhereDrawsLeaveTheCurve_HasBounds()
    {
        var interval = new PairedBootstrap(seed: 1).Interval(Blocks(5, -3), Curve, 100);

        Assert.Equal((new DataFactor(1, FactorKind.Below), new DataFactor(16, FactorKind.AtLeast)), (interval.Low, interval.High));
    }

    [Fact]
    public void Interval_TheSameSeed_IsTheSame_AndAnotherIsAnother()
    {
        var random = new Random(5);
        double[] Numbers(double add) => [.. Enumerable.Range(0, 40).Select(_ => random.NextDouble() + add)];
        var model = new LossBlocks(Numbers(0.5), [.. Enumerable.Repeat(1, 40)]);
        (long, LossBlocks)[] curve =
        [
            (100, new LossBlocks(Numbers(1), [.. Enumerable.Repeat(1, 40)])),
            (200, new LossBlocks(Numbers(0), [.. Enumerable.Repeat(1, 40)])),
        ];

        var interval = new PairedBootstrap(seed: 1, 200).Interval(model, curve, 100);

        Assert.Equal(interval, new PairedBootstrap(seed: 1, 200).Interval(model, curve, 100));
        Assert.NotEqual(interval, new PairedBootstrap(seed: 2, 200).Interval(model, curve, 100));
        Assert.True(interval.Low.Times < interval.High.Times);
    }

    [Fact]
    public void Interval_OtherBlocks_IsRefused() =>
        Assert.Throws<ArgumentException>(() => new PairedBootstrap(seed: 1).Interval(new LossBlocks([1], [1]), Curve, 100));

    [Fact]
    public void LossBlocks_OfTargets_SumToTheirMean()
    {
        var blocks = LossBlocks.Of(100_000, i => i % 7);

        Assert.Equal(LossBlocks.BlockTargets, blocks.Targets[0]);
        Assert.Equal(100_000, blocks.Targets.Sum());
        Assert.Equal(Enumerable.Range(0, 100_000).Average(i => i % 7), blocks.SumsNats.Sum() / blocks.Targets.Sum(), 12);
        Assert.Equal(256, LossBlocks.Of(10_000_000, _ => 1).Targets.Count);
        // A small set still has blocks to draw.
        Assert.Equal(34, LossBlocks.Of(100, i => i).Targets.Count);
    }

    private static LossBlocks Blocks(double first, double second) => new([first, second], [1, 1]);
}
