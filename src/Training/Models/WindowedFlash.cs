using System.Collections.Concurrent;
using System.Runtime.InteropServices;
using Slowrun.Training.Numerics;
using TorchSharp;
using static TorchSharp.torch;

namespace Slowrun.Training.Models;

/// <summary>
/// Flash attention with a sliding window (arXiv:2307.08691), on CUDA in bfloat16: reads the keys of the window alone, where a mask would
/// have all of them read. With deterministic algorithms asked for, its backward pass repeats its bits.
/// </summary>
internal static class WindowedFlash
{
    private const string Forward = "aten::_flash_attention_forward";

    private static readonly ConcurrentDictionary<(string Device, int HeadWidth), Lazy<string?>> Obstacles = [];

    /// <summary>softmax(q kᵀ / √d) v over keys j with 0 ≤ i - j ≤ window.</summary>
    /// <param name="q">[B, T, H, d] bfloat16, as k and v.</param>
    public static Tensor Run(Tensor q, Tensor k, Tensor v, int window)
    {
        using var scope = NewDisposeScope();
        return Dispatcher.Call(Forward, 5, Arguments(q, k, v, window))[0].MoveToOuterDisposeScope();
    }

    /// <summary>Why a device has no such attention, so that masks are used instead. Null: it has. Tested once per process.</summary>
    public static string? Obstacle(Device device, int headWidth) =>
        device.type != DeviceType.CUDA
            ? "flash attention with a window is for CUDA devices"
            : Obstacles.GetOrAdd((device.ToString(), headWidth), _ => new Lazy<string?>(() => Try(device, headWidth))).Value;

    /// <summary>The window as the operator wants it: how many keys before its own a query sees. Null: all.</summary>
    internal static long? Left(long length, int window) => window >= length - 1 ? null : window;

    /// <summary>
    /// In the order of its schema (libtorch 2.10): query, key, value, cum_seq_q, cum_seq_k, max_q, max_k, dropout_p, is_causal,
    /// return_debug_mask, scale, window_size_left, window_size_right, seqused_k, alibi_slopes.
    /// </summary>
    internal static ulong[] Arguments(Tensor q, Tensor k, Tensor v, int window)
    {
        var length = q.shape[1];
        return
        [
            Dispatcher.Of(q),
            Dispatcher.Of(k),
            Dispatcher.Of(v),
            Dispatcher.Optional(null),
            Dispatcher.Optional(null),
            Dispatcher.Of(length),
            Dispatcher.Of(length),
            Dispatcher.Of(0.0),
            Dispatcher.Of(true),
            Dispatcher.Of(false),
            Dispatcher.Optional(null),
            Dispatcher.Optional(Left(length, window) is { } left ? Dispatcher.Of(left) : null),
            Dispatcher.Optional(Dispatcher.Of(0L)),
            Dispatcher.Optional(null),
            Dispatcher.Optional(null),
        ];
    }

    /// <summary>Forward and backward at a small size, against attention with a mask: another library may have another schema.</summary>
    private static string? Try(Device device, int headWidth)
    {
        if (headWidth % 8 != 0)
        {
            return $"heads are {headWidth} wide, which is no multiple of 8";
        }

        try
        {
            using var scope = NewDisposeScope();
            const int length = 160,
                window = 33;
            using var masks = new WindowMasks(device, ScalarType.Float32);
            Tensor[] exact = [.. Enumerable.Range(1, 3).Select(i => Noise(i, length, headWidth).to(device).requires_grad_(true))];
            Tensor[] rounded = [.. exact.Select(x => x.detach().to(ScalarType.BFloat16).requires_grad_(true))];
            var expected = nn
                .functional.scaled_dot_product_attention(
                    exact[0].transpose(1, 2),
                    exact[1].transpose(1, 2),
                    exact[2].transpose(1, 2),
                    masks.Of(length, window),
                    0,
                    false
                )
                .transpose(1, 2);
            var found = Run(rounded[0], rounded[1], rounded[2], window);
            var gradients = autograd.grad([expected.sum()], exact);
            var near = autograd.grad([found.to(ScalarType.Float32).sum()], rounded);
            var error = new[] { Off(expected, found) }.Concat(gradients.Zip(near, Off)).Max();
            return error < 0.05 ? null : $"it is off by {error:g2} against attention with a mask";
        }
        catch (Exception e) when (e is InvalidOperationException or ExternalException or EntryPointNotFoundException)
        {
            return e.Message.Split('\n')[0];
        }
    }

    private static double Off(Tensor expected, Tensor found) =>
        Scalars.Read(expected.sub(found.to(ScalarType.Float32)).norm().div(expected.norm().clamp_min(Scalars.Of(1e-6))).unsqueeze(0))[0];

    private static Tensor Noise(int key, int length, int headWidth)
    {
        var values = new float[length * 2 * headWidth];
        for (var i = 0; i < values.Length; i++)
        {
            values[i] = (float)((2 * CounterRandom.Uniform((ulong)key, (ulong)i)) - 1);
        }

        return tensor(values, 1, length, 2, headWidth);
    }
}
