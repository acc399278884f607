using Slowrun.Core.Models;
using Slowrun.Core.Recipes;
using Slowrun.Training.Lanes;
using Slowrun.Training.Parameters;
using Slowrun.Training.Tests.Stages;
using TorchSharp;
using static TorchSharp.torch;

namespace Slowrun.Training.Tests.Lanes;

public sealed class LaneSumTests : IDisposable
{
    private readonly FlatParameters parameters;
    private readonly List<LaneBuffer> lanes = [];

    public LaneSumTests()
    {
        var table = ParameterTable.Of(SmallStage.Model);
        parameters = new FlatParameters(ParameterGroups.Layout(table, ParameterGroups.Of(table, new OptimizerRecipe())), CPU);
    }

    /// <summary>In float32, 1 + 2^-24 + 2^-24 is 1 in this order and not in another one.</summary>
    [Fact]
    public async Task Add_WhenLanesFinishTheOtherWayRound_IsTheChainInTheirOrder()
    {
        float[] values = [1, 1 / 16777216f, 1 / 16777216f, 0.5f];
        foreach (var value in values)
        {
            Lane(value);
        }

        var sum = new LaneSum(lanes[0]);
        sum.Reset();
        var others = new[] { 3, 2, 1 }
            .Select(lane =>
                Task.Factory.StartNew(
                    () => Assert.True(sum.Add(lane, lanes[lane])),
                    TestContext.Current.CancellationToken,
                    TaskCreationOptions.LongRunning,
                    TaskScheduler.Default
                )
            )
            .ToArray();
        Assert.False(sum.IsComplete(4));
        Assert.True(sum.Add(0, lanes[0]));
        await Task.WhenAll(others);

        Assert.True(sum.IsComplete(4));
        Assert.Equal(((1 + (1 / 16777216f)) + (1 / 16777216f)) + 0.5f, First(sum));
        Assert.NotEqual(1 + ((1 / 16777216f) + (1 / 16777216f)) + 0.5f, First(sum));
    }

    [Fact]
    public async Task Break_WhileALaneWaits_LetsItGoWithoutAdding()
    {
        Lane(1);
        Lane(2);
        var sum = new LaneSum(lanes[0]);
        sum.Reset();
        var waiting = Task.Factory.StartNew(
            () => sum.Add(1, lanes[1]),
            TestContext.Current.CancellationToken,
            TaskCreationOptions.LongRunning,
            TaskScheduler.Default
        );

        sum.Break();

        Assert.False(await waiting);
        Assert.False(sum.Add(0, lanes[0]));
        Assert.False(sum.IsComplete(2));
        Assert.Equal(1, First(sum));
    }

    [Fact]
    public void Add_PieceByPiece_IsTheSameSum()
    {
        using var scope = NewDisposeScope();
        var (left, right) = (arange(1000, ScalarType.Float32), arange(1000, ScalarType.Float32).mul(3));

        LaneSum.Add(left, right, pieceNumbers: 333);

        Assert.Equal(0, left.sub(arange(1000, ScalarType.Float32).mul(4)).abs().max().ToDouble());
    }

    public void Dispose()
    {
        lanes.ForEach(lane => lane.Dispose());
        parameters.Dispose();
    }

    private static float First(LaneSum sum) => sum.Total.Gradients.Flat.data<float>()[0];

    private void Lane(float value)
    {
        var lane = new LaneBuffer(SmallStage.Model, parameters);
        lane.Gradients.Flat.fill_(value);
        lanes.Add(lane);
    }
}
