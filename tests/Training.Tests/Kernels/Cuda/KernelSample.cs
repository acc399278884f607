using System.Security.Cryptography;
using Slowrun.Training.Kernels;
using Slowrun.Training.Kernels.Cuda;
using Slowrun.Training.Models;
using Slowrun.Training.Numerics;
using static TorchSharp.torch;

namespace Slowrun.Training.Tests.Kernels.Cuda;

/// <summary>
/// Every kernel once on small, odd sizes, with inputs that are the same everywhere: the bits of the results follow from the kernels' text
/// alone, so that a device and a processor have one hash.
/// </summary>
internal static class KernelSample
{
    /// <summary>Of <see cref="Hash"/>, as a processor gives it: held by the tests, and what a device is compared with.</summary>
    public static string Expected(bool rounded) =>
        rounded
            ? "6d8a77dd3ee53eaf855c30217f98d0d914aeebb175c5b547e1fdcb3f428e7038"
            : "712cf5caa47515552734dc7c1ecf85ad88a7fb8c2d783af95b7a9f5a3d428274";

    public static string Hash(CudaKernels kernels, bool rounded, Device device)
    {
        using var scope = NewDisposeScope();
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        foreach (var tensor in Run(kernels, rounded, device))
        {
            // Bytes, whatever the type.
            hash.AppendData(Scalars.OnHost(tensor.contiguous()).bytes);
        }

        return Convert.ToHexStringLower(hash.GetHashAndReset());
    }

    public static IEnumerable<Tensor> Run(CudaKernels kernels, bool rounded, Device device) =>
        [
            .. Block(kernels, rounded, device, batch: 1, length: 5, heads: 9, width: 20),
            .. Block(kernels, rounded, device, batch: 2, length: 3, heads: 2, width: 66),
            .. Block(kernels, rounded, device, batch: 1, length: 2, heads: 5, width: 128),
            .. Losses(kernels, rounded, device),
            .. Updates(kernels, device),
        ];

    private static IEnumerable<Tensor> Block(CudaKernels kernels, bool rounded, Device device, int batch, int length, int heads, int width)
    {
        ulong key = 1;
        int n = batch * length,
            c = heads * width;
        var type = rounded ? ScalarType.BFloat16 : ScalarType.Float32;
        var block = new BlockKernels(kernels, type);
        Tensor Stream(params long[] shape) => Noise(key++, device, shape);
        Tensor Product(params long[] shape) => Stream(shape).to(type);

        var (before, encoded, x0) = (Stream(n, c), Stream(n, c), Stream(n, c));
        var (lambda, lambda0, skip) = (Stream(1), Stream(1), Stream(1));
        var (x, a, r) = block.Mix(before, encoded, x0, lambda, lambda0, skip, norm: true);
        var mixed = block.MixBack(Stream(n, c), Product(n, c), x, r, before, encoded, x0, lambda, lambda0, skip);
        var mask = DropoutMask.Of(key, 0.3);
        var (sum, m, rm) = block.AddNorm(x, Product(n, c), mask, norm: true);
        var added = block.AddNormBack(Stream(n, c), Product(n, c), sum, rm, mask, branch: true);
        var gates = Product(n, 2 * c).mul(Scalars.Of(4.0));
        var (h, dGates) = (block.SwiGlu(gates), block.SwiGluBack(gates, Product(n, c)));
        var (qkv, embedded, gate) = (Product(n, 3 * c), Product(n, c), Product(n, heads));
        var (cos, sin) = (Stream(length, 1, width), Stream(length, 1, width));
        var (q, k, v, rqk) = block.Split(qkv, cos, sin, embedded, gate, length, heads);
        var split = block.SplitBack(Product(n, c), Product(n, c), Product(n, c), qkv, rqk, cos, sin, embedded, gate, length, heads);
        var (opened, closed) = (block.Open(v, gate), block.OpenBack(Product(n, c), v, gate));
        return
        [
            x,
            a!,
            r!,
            mixed.Before,
            mixed.Encoded!,
            mixed.X0,
            mixed.Scalars,
            sum,
            m!,
            rm!,
            added.X,
            added.Branch!,
            h,
            dGates,
            q,
            k,
            v,
            rqk,
            split.Qkv,
            split.Embedded!,
            split.Gate!,
            opened,
            closed.Y,
            closed.Gate,
        ];
    }

    private static IEnumerable<Tensor> Losses(CudaKernels kernels, bool rounded, Device device)
    {
        const int n = 3,
            v = 301,
            padded = 304;
        var type = rounded ? ScalarType.BFloat16 : ScalarType.Float32;
        var targets = arange(2 * n, ScalarType.Int64, device).mul_(Scalars.Of(71)).remainder_(Scalars.Of(v)).view(2, n);
        var shares = full([2], Scalars.Of(0.5), ScalarType.Float64, device);
        List<Tensor> all = [];
        foreach (var (taught, lesson) in ((bool, bool)[])[(false, false), (true, false), (false, true)])
        {
            var logits = Noise(90, device, n, padded).mul(Scalars.Of(20.0)).to(type);
            var teacher = taught ? Noise(91, device, n, padded).mul(Scalars.Of(20.0)).to(type) : null;
            var known = lesson ? Noise(92, device, n, v).add_(Scalars.Of(-6.0), Scalars.One) : null;
            var losses = zeros(n, ScalarType.Float64, device);
            var terms = new LossTerms(15, taught ? 2 : 1, 0.3, taught || lesson ? 0.2 : 0, lesson);
            LossKernels.Run(kernels, logits, v, targets, shares, 0.1, teacher, known, terms, 0, losses);
            all.AddRange([logits, losses]);
        }

        return all;
    }

    private static IEnumerable<Tensor> Updates(CudaKernels kernels, Device device)
    {
        var updates = new UpdateKernels(kernels);
        var (p, g, m, v) = (Noise(1, device, 70_001), Noise(2, device, 70_001), Noise(3, device, 70_001), Noise(4, device, 70_001).abs());
        var squares = updates.Added(updates.SquareSums(g));
        updates.Clip(g, squares, 1);
        var norm = squares.sqrt().to(ScalarType.Float32).reshape([]);
        updates.AdamW(p, g, m, v, new AdamWScalars(0.99f, 0.9f, 0.1f, 0.95f, 0.05f, 1.5f, 1e-8f, 0.01f));
        List<Tensor> all = [norm, g, p, m, v];
        foreach (var (rows, columns) in ((int, int)[])[(7, 300), (300, 7), (5, 5)])
        {
            var (weights, slopes, first) = (
                Noise(5, device, 2, rows, columns),
                Noise(6, device, 2, rows, columns),
                Noise(7, device, 2, rows, columns)
            );
            var second = Noise(8, device, 2, Math.Max(rows, columns)).abs();
            var u = updates.Momentum(slopes, first, 0.95f, 0.05f);
            updates.NormalizeRows(u);
            updates.NormalizedStep(weights, u, second, new MuonScalars(0.9f, 0.1f, 0.02f, 0.001f));
            all.AddRange([u, first, second, weights]);
        }

        return all;
    }

    /// <returns>Float32 in [-1, 1), on the device.</returns>
    public static Tensor Noise(ulong key, Device device, params long[] shape)
    {
        var values = new float[shape.Aggregate(1L, (a, b) => a * b)];
        for (var i = 0; i < values.Length; i++)
        {
            values[i] = (float)((2 * CounterRandom.Uniform(key, (ulong)i)) - 1);
        }

        return tensor(values, shape).to(device);
    }
}
