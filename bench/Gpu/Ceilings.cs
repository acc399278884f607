using Slowrun.Core.Tensors;
using Slowrun.Training.Copies;
using static TorchSharp.torch;

namespace Slowrun.Gpu;

/// <summary>What the device does at best: large matrix products, and copies within it, to it and from it.</summary>
internal static class Ceilings
{
    public static int Run(Bench bench)
    {
        var large = bench.Toy ? 512 : 8192;
        var bytes = bench.Toy ? 16L << 20 : 1L << 30;
        using var scope = NewDisposeScope();
        var (from, to) = (ones(bytes / 4, ScalarType.Float32, bench.Device), zeros(bytes / 4, ScalarType.Float32, bench.Device));
        var host = ones(bytes / 4);
        return Bench.Tell(
            "ceilings",
            bench.Slot,
            ("bf16Flops", Product(bench, large, ScalarType.BFloat16)),
            ("f32Flops", Product(bench, large / 2, ScalarType.Float32)),
            // Read and written.
            ("copyBytesPerSecond", 2 * bytes / bench.Seconds(5, () => to.copy_(from))),
            ("uploadBytesPerSecond", bytes / bench.Seconds(3, () => to.copy_(host))),
            ("downloadBytesPerSecond", bytes / bench.Seconds(3, () => host.copy_(from))),
            ("pinnedDownloadBytesPerSecond", bench.Toy ? null : bytes / Pinned(bench, from, bytes))
        );
    }

    private static double Product(Bench bench, int n, ScalarType type)
    {
        using var scope = NewDisposeScope();
        var (a, b) = (randn(n, n, device: bench.Device).to(type), randn(n, n, device: bench.Device).to(type));
        a.mm(b);
        const int times = 5;
        var seconds = bench.Seconds(
            3,
            () =>
            {
                for (var i = 0; i < times; i++)
                {
                    using var result = a.mm(b);
                }
            }
        );
        return times * 2.0 * n * n * n / seconds;
    }

    private static double Pinned(Bench bench, Tensor from, long bytes)
    {
        using var copies = DeviceCopies.Open(0);
        using var buffer = new StateBuffer([new TensorLayout("copy", ElementType.U8, [bytes])]);
        copies.Pin(buffer);
        return bench.Seconds(
            3,
            () =>
            {
                copies.Begin(DeviceAddress.Of(from.Handle), buffer.Span(0));
                copies.Wait();
            }
        );
    }
}
