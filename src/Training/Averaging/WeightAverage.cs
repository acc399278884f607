using Slowrun.Training.Numerics;
using Slowrun.Training.Parameters;
using TorchSharp;
using static TorchSharp.torch;

namespace Slowrun.Training.Averaging;

/// <summary>
/// The mean of late weights (SWA, arXiv:1803.05407), even or weighted by recency: the i-th of n counts i. Kept as a running mean, so
/// that it takes one buffer. Its whole memory is <see cref="State"/>.
/// </summary>
public sealed class WeightAverage : IDisposable
{
    private readonly bool byRecency;
    private readonly HostMemory memory;
    private readonly Tensor mean;
    private readonly Tensor count;

    /// <param name="length">Of the flat weights.</param>
    /// <param name="apart">Whether the mean lies in the host's memory and the weights do not; null: as the device is.</param>
    public WeightAverage(long length, Device device, bool byRecency, bool? apart = null)
    {
        ArgumentNullException.ThrowIfNull(device);
        memory = new HostMemory(device, apart ?? device.type != DeviceType.CPU);
        this.byRecency = byRecency;
        mean = memory.Zeros(length);
        count = zeros(1, ScalarType.Int64).DetachFromDisposeScope();
        State = [.. NamedTensor.Pieces("average/swa", mean), new NamedTensor("average/swa-count", count)];
    }

    /// <summary>The mean (float32, in the host's memory) and how many weights it is of (int64, on the CPU): read and written in
    /// place.</summary>
    public IReadOnlyList<NamedTensor> State { get; }

    public long Count => count.data<long>()[0];

    /// <param name="weights">Flat float32, left as it is.</param>
    public void Add(Tensor weights)
    {
        using var noGradient = no_grad();
        count.add_(Scalars.Of(1), Scalars.One);
        // The newest one's part of the weights so far: 1 of n, or n of n(n+1)/2.
        var part = byRecency ? 2.0 / (Count + 1) : 1.0 / Count;
        memory.Change(mean, weights, (average, live) => average.mul_(Scalars.Of(1 - part)).add_(live, Scalars.Of(part)));
    }

    /// <summary>Writes the mean over the weights.</summary>
    /// <exception cref="InvalidOperationException">Nothing was added.</exception>
    public void CopyInto(Tensor weights)
    {
        if (Count == 0)
        {
            throw new InvalidOperationException("There are no weights to take the mean of.");
        }

        using var noGradient = no_grad();
        weights.copy_(mean);
    }

    public void Dispose()
    {
        foreach (var piece in State)
        {
            piece.Tensor.Dispose();
        }

        mean.Dispose();
    }
}
