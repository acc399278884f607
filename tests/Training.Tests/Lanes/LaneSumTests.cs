using System.Collections.Concurrent;
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

    /// <summary>With 2^-24, half of float32's last place at 1, any other order of these four has another sum.</summary>
    [Fact]
    public void Add_WhenLanesFinishTheOtherWayRound_IsTheChainInTheirOrder()
    {
        const float half = 1 / 16777216f;
        float[] values = [1, half, -1, 3 * half];
        foreach (var value in values)
        {
            Lane(value);
        }

        var sum = new LaneSum(lanes[0]);
        sum.Reset();
        Assert.True(sum.Add(0, lanes[0]));
        var added = new ConcurrentQueue<bool>();
        var others = new[] { 3, 2 }.Select(lane => Waiting(() => added.Enqueue(sum.Add(lane, lanes[lane])))).ToList();
        Assert.False(sum.IsComplete(4));
        Assert.True(sum.Add(1, lanes[1]));
        others.ForEach(thread => thread.Join());

        Assert.Equal([true, true], added);
        Assert.True(sum.IsComplete(4));
        Assert.Equal(3 * half, First(sum));
    }

    /// <summary>Where devices divide the sum, each has that chain of its part, and of the blocks that it begins or ends in.</summary>
    [Fact]
    public void Add_ToPartsOfSeveralDevices_IsTheSameChainInEach()
    {
        const int count = 5;
        for (var lane = 0; lane < count; lane++)
        {
            Lane(0);
            lanes[lane].Gradients.Flat.copy_(randn(parameters.Layout.Length, generator: new Generator((ulong)lane)));
        }

        using var expected = lanes[0].Gradients.Flat.clone();
        lanes.Skip(1).ToList().ForEach(lane => expected.add_(lane.Gradients.Flat));
        var length = parameters.Layout.Length;
        FlatSelection[] own = [new([new(0, 1000), new(5000, 300)]), new([new(1000, 4000)]), new([new(5300, length - 5300)]), new([])];
        var held = own.Select(part => part.Widened(512, length)).ToArray();
        using var sum = new LaneSum([.. own.Zip(held, (mine, all) => new ShardGradient(full(all.Length, float.NaN), mine, all))]);
        for (var step = 0; step < 2; step++)
        {
            sum.Reset();
            var threads = new[] { 4, 2, 3, 1 }.Select(lane => Waiting(() => sum.Add(lane, lanes[lane]))).ToList();
            Assert.True(sum.Add(0, lanes[0]));
            threads.ForEach(thread => thread.Join());

            Assert.True(sum.IsComplete(count));
            Assert.All(
                sum.Gradients.SelectMany(part => part.Held.Ranges.Select(range => (part, range))),
                one => Assert.True(one.part.Of(one.range).eq(expected.narrow(0, one.range.Start, one.range.Length)).all().ToBoolean())
            );
        }
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

    private static float First(LaneSum sum) => sum.Gradients[0].Sum.data<float>()[0];

    /// <summary>Starts a thread and returns when it waits, or has ended.</summary>
    private static Thread Waiting(Action body)
    {
        var thread = new Thread(() => body()) { IsBackground = true };
        thread.Start();
        SpinWait.SpinUntil(() => !thread.IsAlive || thread.ThreadState.HasFlag(ThreadState.WaitSleepJoin));
        return thread;
    }

    private void Lane(float value)
    {
        var lane = new LaneBuffer(SmallStage.Model, parameters);
        lane.Gradients.Flat.fill_(value);
        lanes.Add(lane);
    }
}
