using Slowrun.Core.Plan;
using Slowrun.Core.Tokens;
using TorchSharp;
using static TorchSharp.torch;

namespace Slowrun.Training.Stages;

/// <summary>The rows of each micro-batch: a pure function of (seed, data epoch, position).</summary>
internal sealed class TrainingRows(StagePlan plan, StageSteps steps, TokenSet tokens)
{
    private readonly int length = plan.Model.SequenceLength + 1;
    private readonly Dictionary<long, int[]> orders = [];

    /// <summary>Makes the orders ready that a step needs; after it, any thread may read the step's micro-batches.</summary>
    public void Prepare(int step)
    {
        var (first, last) = (Epoch((long)step * steps.MicroBatches), Epoch(((long)step * steps.MicroBatches) + steps.MicroBatches - 1));
        foreach (var old in orders.Keys.Where(epoch => epoch < first || epoch > last).ToArray())
        {
            orders.Remove(old);
        }

        for (var epoch = first; epoch <= last; epoch++)
        {
            if (!orders.ContainsKey(epoch))
            {
                orders.Add(epoch, Order(epoch));
            }
        }
    }

    /// <returns>[B, T + 1] int64; the caller's dispose scope owns it.</returns>
    public Tensor Read(int step, int microBatch, Device device)
    {
        var index = ((long)step * steps.MicroBatches) + microBatch;
        var order = orders[Epoch(index)];
        var rows = plan.Stage.DeviceRows;
        var first = (index % steps.MicroBatchesPerEpoch) * rows;
        var read = new int[rows * length];
        for (var row = 0; row < rows; row++)
        {
            tokens.Read((long)order[first + row] * length, read.AsSpan(row * length, length));
        }

        return tensor(read, [rows, length], ScalarType.Int64).to(device);
    }

    private long Epoch(long microBatch) => microBatch / steps.MicroBatchesPerEpoch;

    private int[] Order(long epoch)
    {
        var order = Enumerable.Range(0, (int)steps.RowsPerEpoch).ToArray();
        var key = Models.CounterRandom.Key(Models.CounterRandom.Key((ulong)plan.Seed, 3), (ulong)epoch);
        for (var i = order.Length - 1; i > 0; i--)
        {
            var j = (int)(Models.CounterRandom.At(key, (ulong)i) % (ulong)(i + 1));
            (order[i], order[j]) = (order[j], order[i]);
        }

        return order;
    }
}
