using Slowrun.Training.Numerics;
using Slowrun.Training.Parameters;
using static TorchSharp.torch;

namespace Slowrun.Training.Lanes;

/// <summary>
/// The gradient of a step: lanes are added in their order, as a chain ((lane 0 + lane 1) + lane 2) + …, independent of who computed them
/// and when they finish, so that the bytes do not depend on the number of workers. A finished lane waits for its turn. The worker of the
/// lane whose turn it is never waits for another one, so there is no deadlock. Where several devices divide the update, each has the sum
/// of its part alone, with a turn of its own: one lane is added on one device while the next is on another.
/// </summary>
internal sealed class LaneSum : IDisposable
{
    // Between devices a lane is copied piece by piece: 256 MiB on the way instead of a whole gradient.
    private const long PieceNumbers = 1L << 26;

    private readonly Part[] parts;
    private readonly LaneBuffer? whole;
    private volatile bool broken;

    /// <summary>On one device, in one buffer.</summary>
    /// <param name="whole">Lane 0 is computed in it; the others are added. Taken over.</param>
    public LaneSum(LaneBuffer whole)
    {
        this.whole = whole;
        Gradients = [ShardGradient.Whole(whole.Gradients.Flat)];
        parts = [new Part(Gradients[0])];
    }

    /// <summary>On the devices that divide the update.</summary>
    /// <param name="gradients">One for each; memory is taken over.</param>
    public LaneSum(IReadOnlyList<ShardGradient> gradients)
    {
        Gradients = gradients;
        parts = [.. gradients.Select(gradient => new Part(gradient))];
    }

    /// <summary>The sum, as it is divided.</summary>
    public IReadOnlyList<ShardGradient> Gradients { get; }

    /// <summary>The buffer in which a lane is to be computed; null: in one of its worker's own.</summary>
    public LaneBuffer? BufferOf(int lane) => lane == 0 ? whole : null;

    /// <summary>Whether every lane of the step has been added.</summary>
    /// <param name="lanes">Of the step.</param>
    public bool IsComplete(int lanes) => !broken && parts.All(part => part.Next == lanes);

    /// <summary>To be called before each step, while no worker runs.</summary>
    public void Reset()
    {
        broken = false;
        foreach (var part in parts)
        {
            part.Next = 0;
        }
    }

    /// <summary>Waits until all lanes before have been added, and adds this one.</summary>
    /// <param name="finished">On whatever device; <see cref="BufferOf"/> the lane, where it has one.</param>
    /// <returns>False: <see cref="Break"/> was called, and the sum will not be complete.</returns>
    public bool Add(int lane, LaneBuffer finished)
    {
        foreach (var part in parts)
        {
            lock (part)
            {
                while (part.Next != lane && !broken)
                {
                    Monitor.Wait(part);
                }

                if (broken)
                {
                    return false;
                }

                if (!ReferenceEquals(finished, whole))
                {
                    Take(part.Gradient, finished.Gradients.Flat, isFirst: lane == 0);
                }

                part.Next++;
                Monitor.PulseAll(part);
            }
        }

        return true;
    }

    /// <summary>A worker stopped or failed: workers that wait for its lanes stop as well.</summary>
    public void Break()
    {
        broken = true;
        foreach (var part in parts)
        {
            lock (part)
            {
                Monitor.PulseAll(part);
            }
        }
    }

    public void Dispose()
    {
        whole?.Dispose();
        if (whole is null)
        {
            foreach (var gradient in Gradients)
            {
                gradient.Sum.Dispose();
            }
        }
    }

    /// <summary>left += right, wherever right lies.</summary>
    internal static void Add(Tensor left, Tensor right, long pieceNumbers)
    {
        using var noGradient = no_grad();
        for (long start = 0; start < left.numel(); start += pieceNumbers)
        {
            using var scope = NewDisposeScope();
            var count = Math.Min(pieceNumbers, left.numel() - start);
            left.narrow(0, start, count).add_(right.narrow(0, start, count).to(left.device), Scalars.One);
        }
    }

    /// <summary>Adds what belongs to a part of a lane's gradient; the first one's is what the sum begins with.</summary>
    private static void Take(ShardGradient part, Tensor lane, bool isFirst)
    {
        using var noGradient = no_grad();
        foreach (var range in part.Held.Ranges)
        {
            using var scope = NewDisposeScope();
            var (left, right) = (part.Of(range), lane.narrow(0, range.Start, range.Length));
            if (isFirst)
            {
                left.copy_(right);
            }
            else
            {
                Add(left, right, PieceNumbers);
            }
        }
    }

    /// <summary>The sum on one device, and the lane whose turn it is there. Its own lock.</summary>
    private sealed class Part(ShardGradient gradient)
    {
        public ShardGradient Gradient => gradient;

        public int Next { get; set; }
    }
}
