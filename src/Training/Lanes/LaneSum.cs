using Slowrun.Training.Numerics;
using static TorchSharp.torch;

namespace Slowrun.Training.Lanes;

/// <summary>
/// The gradient of a step: lanes are added to one buffer in their order, as a chain ((lane 0 + lane 1) + lane 2) + …, independent of who
/// computed them and when they finish, so that the bytes do not depend on the number of workers. A finished lane waits for its turn. The
/// worker of the lane whose turn it is never waits for another one, so there is no deadlock.
/// </summary>
/// <param name="total">Lane 0 is computed in it; the others are added.</param>
internal sealed class LaneSum(LaneBuffer total)
{
    // Between devices a lane is copied piece by piece: 256 MiB on the way instead of a whole gradient.
    private const long PieceNumbers = 1L << 26;

    private readonly object turn = new();
    private int next;
    private bool broken;

    public LaneBuffer Total => total;

    /// <summary>Whether every lane of the step has been added.</summary>
    /// <param name="lanes">Of the step.</param>
    public bool IsComplete(int lanes) => !broken && next == lanes;

    /// <summary>To be called before each step, while no worker runs.</summary>
    public void Reset() => (next, broken) = (0, false);

    /// <summary>Waits until all lanes before have been added, and adds this one.</summary>
    /// <param name="finished">On whatever device; <see cref="Total"/> itself for lane 0.</param>
    /// <returns>False: <see cref="Break"/> was called; nothing was added.</returns>
    public bool Add(int lane, LaneBuffer finished)
    {
        lock (turn)
        {
            while (next != lane && !broken)
            {
                Monitor.Wait(turn);
            }

            if (broken)
            {
                return false;
            }

            if (!ReferenceEquals(finished, total))
            {
                Add(total.Gradients.Flat, finished.Gradients.Flat, PieceNumbers);
            }

            next++;
            Monitor.PulseAll(turn);
            return true;
        }
    }

    /// <summary>A worker stopped or failed: workers that wait for its lanes stop as well.</summary>
    public void Break()
    {
        lock (turn)
        {
            broken = true;
            Monitor.PulseAll(turn);
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
}
