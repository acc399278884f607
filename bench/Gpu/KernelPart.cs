using Slowrun.Core.Models;
using Slowrun.Training.Kernels;
using Slowrun.Training.Kernels.Cuda;
using Slowrun.Training.Models;
using Slowrun.Training.Numerics;
using Slowrun.Training.Tests.Kernels.Cuda;
using static TorchSharp.torch;

namespace Slowrun.Gpu;

/// <summary>
/// Kernels of our own at the sizes of a preset's micro-batch, forward and backward, beside the composed operations: how far apart the
/// results are, the ratio of the times, and the bytes that they must move at least. And whether their bits are a processor's, twice.
/// </summary>
internal static class KernelPart
{
    private const int Times = 5;

    public static int Run(Bench bench)
    {
        if (bench.Toy && PlayedCuda.Path is null)
        {
            return Bench.Tell("kernels", "bits", ("why", "g++, which compiles the kernels for a processor, is not installed"));
        }

        using var exact = Open(bench, rounded: false);
        using var rounded = Open(bench, rounded: true);
        string[] hashes =
        [
            KernelSample.Hash(exact, rounded: false, bench.Device),
            KernelSample.Hash(exact, rounded: false, bench.Device),
            KernelSample.Hash(rounded, rounded: true, bench.Device),
            KernelSample.Hash(rounded, rounded: true, bench.Device),
        ];
        Bench.Tell(
            "kernels",
            "bits",
            ("float32", hashes[0]),
            ("bfloat16", hashes[2]),
            ("repeated", hashes[0] == hashes[1] && hashes[2] == hashes[3]),
            ("asProcessor", hashes[0] == KernelSample.Expected(rounded: false) && hashes[2] == KernelSample.Expected(rounded: true))
        );
        foreach (var one in Cases(bench, rounded))
        {
            using var scope = NewDisposeScope();
            var (name, ours, composed, bytes) = one();
            // Unlike the enumerable's own, this maximum keeps a NaN.
            var apart = composed().Zip(ours(), Apart).Aggregate(Math.Max);
            var (seconds, theirs) = (Seconds(bench, ours), Seconds(bench, composed));
            Bench.Tell(
                "kernel",
                name,
                ("relativeError", apart),
                ("seconds", seconds),
                ("composedSeconds", theirs),
                ("bytes", bytes),
                ("bytesPerSecond", bytes / seconds)
            );
        }

        return 0;
    }

    private static CudaKernels Open(Bench bench, bool rounded) =>
        bench.Toy
            ? CudaKernels.Open(PlayedCuda.Index, rounded, Nvrtc.Open(PlayedCuda.Path), PlayedCuda.Path!)
            : CudaKernels.Open(0, rounded, Nvrtc.Open());

    private static IEnumerable<Func<Case>> Cases(Bench bench, CudaKernels kernels)
    {
        var plan = Sizes.Plan(bench, "10x-plain", 2);
        var (model, device) = (plan.Model, bench.Device);
        int length = model.SequenceLength,
            batch = plan.Stage.DeviceRows,
            n = batch * length,
            c = model.Width,
            heads = model.Heads,
            d = c / heads,
            hidden = ParameterTable.HiddenWidth(model);
        var block = new BlockKernels(kernels, ScalarType.BFloat16);
        ulong key = 1;
        Tensor Stream(params long[] shape) => KernelSample.Noise(key++, CPU, shape[^1]).to(device).expand(shape).contiguous();
        Tensor Product(params long[] shape) => Stream(shape).to(ScalarType.BFloat16);

        yield return () =>
        {
            var (x, encoded, x0, dx, da) = (Stream(n, c), Stream(n, c), Stream(n, c), Stream(n, c), Product(n, c));
            Tensor[] scalars = [Stream(1), Stream(1), Stream(1)];
            return new Case(
                "mix + RMS norm",
                () =>
                {
                    var (mixed, normed, r) = block.Mix(x, encoded, x0, scalars[0], scalars[1], scalars[2], norm: true);
                    var back = block.MixBack(dx, da, mixed, r, x, encoded, x0, scalars[0], scalars[1], scalars[2]);
                    return [mixed, normed!, back.Before, back.Encoded!, back.X0];
                },
                () =>
                    Composed(
                        [x, encoded, x0],
                        [dx, da],
                        of =>
                        {
                            var mixed = of[0].addcmul(scalars[2], of[1], Scalars.One);
                            mixed = mixed.mul(scalars[0]).addcmul(of[2], scalars[1], Scalars.One);
                            return [mixed, Functional.RmsNorm(mixed).to(ScalarType.BFloat16)];
                        }
                    ),
                // Forward: three read, one and a rounded one written; backward: five and a rounded one read, three written.
                (long)n * c * ((4 * 4) + 2 + (8 * 4) + 2)
            );
        };
        yield return () =>
        {
            var (x, branch, dSum, dNormed) = (Stream(n, c), Product(n, c), Stream(n, c), Product(n, c));
            var dropout = new Dropout(7, 0.1, onDevice: true);
            var mask = DropoutMask.Of(dropout.KeyOf(3), dropout.Probability);
            return new Case(
                "dropout-add + RMS norm",
                () =>
                {
                    var (sum, normed, r) = block.AddNorm(x, branch, mask, norm: true);
                    var back = block.AddNormBack(dSum, dNormed, sum, r, mask, branch: true);
                    return [sum, normed!, back.X, back.Branch!];
                },
                () =>
                    Composed(
                        [x, branch],
                        [dSum, dNormed],
                        of =>
                        {
                            var sum = dropout.Add(of[0], of[1].to(ScalarType.Float32), 3);
                            return [sum, Functional.RmsNorm(sum).to(ScalarType.BFloat16)];
                        }
                    ),
                (long)n * c * (8 + 4 + 12 + 4)
            );
        };
        yield return () =>
        {
            var (gates, dh) = (Product(n, 2L * hidden), Product(n, hidden));
            return new Case(
                "SwiGLU",
                () => [block.SwiGlu(gates), block.SwiGluBack(gates, dh)],
                () =>
                    Composed(
                        [gates],
                        [dh],
                        of =>
                        {
                            var halves = of[0].to(ScalarType.Float32).chunk(2, 1);
                            return [halves[0].silu().mul(halves[1]).to(ScalarType.BFloat16)];
                        }
                    ),
                (long)n * hidden * 2 * (3 + 5)
            );
        };
        yield return () =>
        {
            var (qkv, embedded, gate) = (Product(n, 3L * c), Product(n, c), Product(n, heads));
            Tensor[] upstream = [Product(n, c), Product(n, c), Product(n, c)];
            var rotary = RotaryTable.Of(model, device);
            return new Case(
                "rotary + QK norm + value embedding",
                () =>
                {
                    var (q, k, v, r) = block.Split(qkv, rotary.Cos, rotary.Sin, embedded, gate, length, heads);
                    var back = block.SplitBack(
                        upstream[0],
                        upstream[1],
                        upstream[2],
                        qkv,
                        r,
                        rotary.Cos,
                        rotary.Sin,
                        embedded,
                        gate,
                        length,
                        heads
                    );
                    return [q, k, v, back.Qkv, back.Embedded!, back.Gate!];
                },
                () =>
                    Composed(
                        [qkv, embedded, gate],
                        upstream,
                        of =>
                        {
                            Tensor[] exact = [.. of.Select(t => t.to(ScalarType.Float32))];
                            var parts = exact[0].split([2L * c, c], 1);
                            var qk = Functional.RmsNorm(rotary.Turn(parts[0].view(batch, length, 2L * heads, d)));
                            var v = parts[1].view(batch, length, heads, d);
                            v = v.addcmul(
                                exact[2].sigmoid().view(batch, length, heads, 1),
                                exact[1].view(batch, length, heads, d),
                                Scalars.Of(2.0)
                            );
                            var halves = qk.split([heads, heads], 2);
                            return [.. new[] { halves[0], halves[1], v }.Select(t => t.reshape(n, c).to(ScalarType.BFloat16))];
                        }
                    ),
                (long)n * c * 2 * (7 + 11)
            );
        };
        yield return () =>
        {
            var (y, gate, dOut) = (Product(n, c), Product(n, heads), Product(n, c));
            return new Case(
                "head gates",
                () =>
                {
                    var back = block.OpenBack(dOut, y, gate);
                    return [block.Open(y, gate), back.Y, back.Gate];
                },
                () =>
                    Composed(
                        [y, gate],
                        [dOut],
                        of =>
                            [
                                of[0]
                                    .to(ScalarType.Float32)
                                    .view(n, heads, d)
                                    .mul(of[1].to(ScalarType.Float32).sigmoid().unsqueeze(-1))
                                    .view(n, c)
                                    .to(ScalarType.BFloat16),
                            ]
                    ),
                (long)n * c * 2 * (2 + 3)
            );
        };
        yield return () =>
        {
            int rows = Math.Min(n, bench.Toy ? 32 : 1024),
                v = model.VocabSize,
                padded = (v + 63) / 64 * 64;
            var logits = Product(rows, padded).mul(Scalars.Of(8.0));
            var targets = arange(rows, ScalarType.Int64, device).mul_(Scalars.Of(7)).remainder_(Scalars.Of(v));
            var (shares, losses) = (ones(1, ScalarType.Float64, device), zeros(rows, ScalarType.Float64, device));
            var terms = new LossTerms((float)model.Softcap, 1, 1.0, 0, TeacherLogarithms: false);
            return new Case(
                "softcap + cross-entropy",
                () =>
                {
                    var gradient = logits.clone();
                    LossKernels.Run(kernels, gradient, v, targets.view(1, rows), shares, 0, null, null, terms, 0, losses);
                    return [losses.sum(), gradient.narrow(1, 0, v)];
                },
                () =>
                {
                    var leaf = logits.narrow(1, 0, v).detach().requires_grad_(true);
                    var capped = leaf.to(ScalarType.Float32).mul(Scalars.Of(1 / model.Softcap)).tanh().mul(Scalars.Of(model.Softcap));
                    var loss = Training.Distillation.TrainingLoss.CrossEntropySum(
                        nn.functional.log_softmax(capped, -1),
                        targets,
                        labelSmoothing: 0
                    );
                    return [loss, autograd.grad([loss], [leaf])[0]];
                },
                // The copy that keeps the logits for the next time is in it.
                (long)rows * padded * 2 * 4
            );
        };
        yield return () =>
        {
            long[] shape = bench.Toy ? [1, 100_000] : [64, 1 << 20];
            var (p, g, m, v) = (Stream(shape), Stream(shape), Stream(shape), Stream(shape).abs());
            var updates = new UpdateKernels(kernels);
            // Without a step, so that both begin with the same numbers each time.
            var scalars = new AdamWScalars(1, 1, 0, 1, 0, 1, 1e-8f, 0);
            return new Case(
                "AdamW",
                () =>
                {
                    updates.AdamW(p, g, m, v, scalars);
                    return [p, m, v];
                },
                () =>
                {
                    using var noGradient = no_grad();
                    p.mul_(Scalars.Of(1.0));
                    m.mul_(Scalars.Of(1.0)).add_(g, Scalars.Of(0.0));
                    v.mul_(Scalars.Of(1.0)).addcmul_(g, g, Scalars.Of(0.0));
                    p.addcdiv_(m, v.sqrt().mul_(Scalars.Of(1.0)).add_(Scalars.Of(1e-8), Scalars.One), Scalars.Of(0.0));
                    return [p, m, v];
                },
                p.numel() * 4 * 7
            );
        };
        yield return () =>
        {
            var (matrices, columns) = (bench.Toy ? 2 : 8, 4L * c);
            var (p, x) = (Stream(matrices, c, columns), Stream(matrices, c, columns));
            var second = Stream(matrices, 1, columns).abs();
            var updates = new UpdateKernels(kernels);
            var before = p.clone();
            return new Case(
                "NorMuon's step",
                () =>
                {
                    p.copy_(before);
                    updates.NormalizedStep(p, x, second, new MuonScalars(1, 0, 0.02f, 0.001f));
                    return [p];
                },
                () =>
                {
                    using var noGradient = no_grad();
                    p.copy_(before);
                    var meanSquare = x.pow(Scalars.Two).mean([-2L], keepdim: true);
                    var scale = second.clamp_min(Scalars.Of(1e-10)).rsqrt_();
                    var length = meanSquare.sum([-2L, -1L], keepdim: true).mul_(Scalars.Of(c)).sqrt_();
                    var after = scale.pow(Scalars.Two).mul_(meanSquare).sum([-2L, -1L], keepdim: true).mul_(Scalars.Of(c)).sqrt_();
                    var update = x.mul(scale.mul_(length.div_(after)));
                    var decayed = p.mul(update.mul(p).ge(Scalars.Of(0)));
                    return [p.add_(update, Scalars.Of(-0.02)).add_(decayed, Scalars.Of(-0.001))];
                },
                // The copy back is in it.
                matrices * c * columns * 4 * 6
            );
        };
    }

    /// <returns>Results and gradients of the inputs.</returns>
    private static Tensor[] Composed(Tensor[] inputs, Tensor[] upstream, Func<Tensor[], Tensor[]> compute)
    {
        Tensor[] leaves = [.. inputs.Select(input => input.detach().requires_grad_(true))];
        var results = compute(leaves);
        return [.. results, .. autograd.grad(results, leaves, upstream)];
    }

    private static double Apart(Tensor expected, Tensor found)
    {
        using var scope = NewDisposeScope();
        var (exact, near) = (expected.detach().to(ScalarType.Float32), found.detach().to(ScalarType.Float32));
        return Scalars.Read(near.sub(exact).norm().div(exact.norm().clamp_min(Scalars.Of(1e-30))).view(1))[0];
    }

    private static double Seconds(Bench bench, Func<Tensor[]> work)
    {
        return bench.Seconds(
                3,
                () =>
                {
                    for (var i = 0; i < Times; i++)
                    {
                        using var scope = NewDisposeScope();
                        work();
                    }
                }
            ) / Times;
    }

    private sealed record Case(string Name, Func<Tensor[]> Ours, Func<Tensor[]> Composed, long Bytes);
}
