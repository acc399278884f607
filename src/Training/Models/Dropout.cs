using System.Runtime.InteropServices;
using Slowrun.Training.Numerics;
using TorchSharp;
using static TorchSharp.torch;

namespace Slowrun.Training.Models;

/// <summary>
/// Dropout masks of one micro-batch (arXiv:1207.0580). A mask is a function of the key and of the place in the network, computed here and
/// not by libtorch, whose sampling differs between processors: no generator state exists that a checkpoint would have to carry.
/// </summary>
/// <param name="key">A function of (seed, step, micro-batch).</param>
/// <param name="probability">With which a number becomes 0; the others grow by 1/(1-p).</param>
/// <param name="onDevice">Whether masks are computed where they are used, by operations on tensors; the bits are the same.</param>
internal sealed class Dropout(ulong key, double probability, bool onDevice = false)
{
    private readonly Scalar scale = Scalars.Of(1 / (1 - probability));

    public double Probability => probability;

    /// <summary>Of the mask at a place.</summary>
    public ulong KeyOf(int place) => CounterRandom.Key(key, (ulong)place);

    /// <summary>x + drop(branch).</summary>
    /// <param name="place">Counts the dropouts of a forward pass, so that each gets a mask of its own, also when it is computed
    /// again.</param>
    public Tensor Add(Tensor x, Tensor branch, int place)
    {
        using var mask = Mask(branch, place);
        return x.addcmul(branch, mask, scale);
    }

    private Tensor Mask(Tensor like, int place)
    {
        var maskKey = KeyOf(place);
        if (onDevice)
        {
            return DeviceDropout.Mask(like, maskKey, probability);
        }

        var host = empty(like.shape, ScalarType.Float32);
        Fill(MemoryMarshal.Cast<byte, float>(host.bytes), maskKey, probability);
        return like.device_type == DeviceType.CPU && like.dtype == ScalarType.Float32 ? host : host.to(like.dtype).to(like.device);
    }

    /// <summary>A number is dropped where its 32 random bits are below it.</summary>
    internal static uint Threshold(double probability) => (uint)Math.Min(uint.MaxValue, Math.Round(probability * 4294967296.0));

    /// <summary>Writes 0 with the given probability, else 1.</summary>
    internal static void Fill(Span<float> mask, ulong key, double probability)
    {
        var threshold = Threshold(probability);
        var pairs = mask.Length / 2;
        for (var i = 0; i < pairs; i++)
        {
            var bits = CounterRandom.At(key, (ulong)i);
            mask[2 * i] = (uint)bits >= threshold ? 1 : 0;
            mask[(2 * i) + 1] = (uint)(bits >> 32) >= threshold ? 1 : 0;
        }

        if (mask.Length % 2 != 0)
        {
            mask[^1] = (uint)CounterRandom.At(key, (ulong)pairs) >= threshold ? 1 : 0;
        }
    }
}
