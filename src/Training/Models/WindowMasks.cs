using static TorchSharp.torch;

namespace Slowrun.Training.Models;

/// <summary>Additive masks of sliding windows, made once for each (length, window).</summary>
internal sealed class WindowMasks(Device device, ScalarType type) : IDisposable
{
    private readonly Dictionary<(long Length, int Window), Tensor> masks = [];

    /// <summary>[T, T], 0 where key j is visible to query i (0 ≤ i-j ≤ window) and -∞ elsewhere; null for a window that is plain
    /// causality.</summary>
    public Tensor? Of(long length, int window)
    {
        if (window >= length - 1)
        {
            return null;
        }

        if (!masks.TryGetValue((length, window), out var mask))
        {
            var values = new float[length * length];
            for (var i = 0; i < length; i++)
            {
                for (var j = 0; j < length; j++)
                {
                    values[(i * length) + j] = j <= i && i - j <= window ? 0 : float.NegativeInfinity;
                }
            }

            using var scope = NewDisposeScope();
            mask = tensor(values, length, length).to(type).to(device).DetachFromDisposeScope();
            masks.Add((length, window), mask);
        }

        return mask;
    }

    public void Dispose()
    {
        foreach (var mask in masks.Values)
        {
            mask.Dispose();
        }

        masks.Clear();
    }
}
