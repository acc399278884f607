using Slowrun.Training.Distillation;
using Slowrun.Training.Kernels;
using Slowrun.Training.Kernels.Cuda;
using Slowrun.Training.Models;
using TorchSharp;
using static Slowrun.Training.Tests.Kernels.Draws;
using static TorchSharp.torch;
using F = TorchSharp.torch.nn.functional;

namespace Slowrun.Training.Tests.Kernels.Cuda;

/// <summary>The kernels for devices, as g++ compiles their text, against composed operations and autograd: over seeded shapes, in float32
/// and bfloat16; and with numbers that are none.</summary>
public sealed class CudaKernelTests : IDisposable
{
    private const double Near = 3e-6;

    // Half a unit in the last of bfloat16's eight digits, and what that does to a sum.
    private const double NearRounded = 4e-3;

    private readonly DisposeScope scope = NewDisposeScope();

    public CudaKernelTests() =>
        Assert.SkipWhen(PlayedCuda.Path is null, "g++, which compiles the kernels for a processor, is not installed.");

    public static TheoryData<int, bool> Seeds() =>
        [.. Enumerable.Range(0, 12).SelectMany(seed => new (int, bool)[] { (seed, false), (seed, true) })];

    public void Dispose() => scope.Dispose();

    /// <summary>What a device must give too: its hash is compared with this one by bench/gpu/run.sh.</summary>
    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void Sample_OfAllKernels_HasTheBitsThatADeviceIsComparedWith(bool rounded) =>
        Assert.Equal(KernelSample.Expected(rounded), KernelSample.Hash(PlayedCuda.Kernels(rounded), rounded, CPU));

    /// <summary>A barrier that is missing shows: threads run one after the other from barrier to barrier.</summary>
    [Theory]
    [InlineData(2, false)]
    [InlineData(7, true)]
    [InlineData(256, true)]
    [InlineData(256, false)]
    public void Sample_WithManyThreadsABlock_HasTheSameBits(uint threads, bool lastFirst)
    {
        try
        {
            PlayedCuda.Threads(threads, lastFirst);

            Assert.Equal(KernelSample.Expected(rounded: true), KernelSample.Hash(PlayedCuda.Kernels(rounded: true), rounded: true, CPU));
        }
        finally
        {
            PlayedCuda.Threads(1, lastFirst: false);
        }
    }

    [Theory]
    [MemberData(nameof(Seeds))]
    public void Mix_OfAnyShape_IsTheMixtureAndItsNormAndGivesTheirGradients(int seed, bool rounded)
    {
        using var draws = new Draws(seed);
        var (block, type, near) = Of(rounded);
        int n = draws.Size(1, 3, 9),
            c = draws.Size(1, 8, 42, 300);
        var skips = draws.Size(0, 1) == 1;
        var (before, x0, encoded) = (draws.Normal(n, c), draws.Normal(n, c), draws.Normal(n, c));
        var (ofX, ofNormed) = (draws.Normal(n, c), draws.Normal(n, c).to(type));
        Tensor[] scalars = [tensor(0.9f), tensor(-0.3f), tensor(0.7f)];
        Tensor[] leaves = [.. new[] { before, encoded, x0 }.Concat(scalars).Select(t => t.clone().requires_grad_(true))];
        (Tensor, Tensor) Composed(Tensor[] of)
        {
            var mixed = skips ? of[0].addcmul(of[5], of[1], 1.0) : of[0];
            mixed = mixed.mul(of[3]).addcmul(of[2], of[4], 1.0);
            return (mixed, Functional.RmsNorm(mixed));
        }

        var (mixed, normed) = Composed(leaves);
        mixed.mul(ofX).sum().add(normed.mul(ofNormed.to(ScalarType.Float32)).sum()).backward();
        var (e, skip) = skips ? (encoded, scalars[2]) : (null, (Tensor?)null);

        var (x, a, r) = block.Mix(before, e, x0, scalars[0], scalars[1], skip, norm: true);
        var found = block.MixBack(ofX, ofNormed, x, r, before, e, x0, scalars[0], scalars[1], skip);

        Close.RelativeL2(mixed, x, Near, "x");
        Close.RelativeL2(normed, a!, near, "norm");
        // With one number a row, its norm has hardly a gradient.
        Close.Max(leaves[0].grad!, found.Before, 2e-5, "gradient");
        Close.Max(leaves[2].grad!, found.X0, 2e-5, "gradient of x0");
        Close.Max(leaves[3].grad!, found.Scalars[0], 1e-3, "gradient of lambda");
        Close.Max(leaves[4].grad!, found.Scalars[1], 1e-3, "gradient of lambda0");
        if (skips)
        {
            Close.Max(leaves[1].grad!, found.Encoded!, 2e-5, "gradient of the skip");
            Close.Max(leaves[5].grad!, found.Scalars[2], 1e-3, "gradient of its weight");
        }

        var damaged = draws.Damaged(before);
        var (expectedX, expectedNorm) = Composed([damaged, encoded, x0, .. scalars]);
        (x, a, _) = block.Mix(damaged, e, x0, scalars[0], scalars[1], skip, norm: true);
        AssertDamage(expectedX, x, "x");
        AssertDamage(expectedNorm, a!, "norm");
    }

    [Theory]
    [MemberData(nameof(Seeds))]
    public void AddNorm_WithDropout_HasTheMasksOfTheComposedPath(int seed, bool rounded)
    {
        using var draws = new Draws(seed);
        var (block, type, near) = Of(rounded);
        int n = draws.Size(1, 7),
            c = draws.Size(7, 16, 42, 301);
        var dropout = new Dropout((ulong)seed, draws.Size(0, 3, 9) / 10.0);
        var mask = DropoutMask.Of(dropout.KeyOf(5), dropout.Probability);
        var (x, branch) = (draws.Normal(n, c), draws.Normal(n, c).to(type));
        var (ofSum, ofNorm) = (draws.Normal(n, c), draws.Normal(n, c).to(type));
        var (left, right) = (x.clone().requires_grad_(true), branch.to(ScalarType.Float32).clone().requires_grad_(true));
        var expected = dropout.Add(left, right, 5);
        var normed = Functional.RmsNorm(expected);
        expected.mul(ofSum).sum().add(normed.mul(ofNorm.to(ScalarType.Float32)).sum()).backward();

        var (sum, m, r) = block.AddNorm(x, branch, mask, norm: true);
        var (dx, dBranch) = block.AddNormBack(ofSum, ofNorm, sum, r, mask, branch: true);

        Close.RelativeL2(expected, sum, 1e-6, "sum");
        Close.RelativeL2(normed, m!, near, "norm");
        Close.RelativeL2(left.grad!, dx, Near, "gradient");
        Close.RelativeL2(right.grad!, dBranch!, near, "gradient of the branch");

        var damaged = draws.Damaged(branch);
        AssertDamage(dropout.Add(x, damaged.to(ScalarType.Float32), 5), block.AddNorm(x, damaged, mask, norm: false).Sum, "sum");
    }

    [Theory]
    [MemberData(nameof(Seeds))]
    public void AddNorm_OfNothing_IsTheNorm(int seed, bool rounded)
    {
        using var draws = new Draws(seed);
        var (block, type, near) = Of(rounded);
        int n = draws.Size(1, 7),
            c = draws.Size(7, 16, 301);
        var (x, ofNorm) = (draws.Normal(n, c), draws.Normal(n, c).to(type));
        var leaf = x.clone().requires_grad_(true);
        var expected = Functional.RmsNorm(leaf);
        expected.backward([ofNorm.to(ScalarType.Float32)]);

        var (sum, m, r) = block.AddNorm(x, null, DropoutMask.None, norm: true);
        var (dx, dBranch) = block.AddNormBack(null, ofNorm, sum, r, DropoutMask.None, branch: false);

        Assert.Same(x, sum);
        Assert.Null(dBranch);
        Close.RelativeL2(expected, m!, near, "norm");
        Close.RelativeL2(leaf.grad!, dx, Near, "gradient");
    }

    [Theory]
    [MemberData(nameof(Seeds))]
    public void SwiGlu_OfAnyShape_IsComposedOnesAndGivesItsGradient(int seed, bool rounded)
    {
        using var draws = new Draws(seed);
        var (block, type, near) = Of(rounded);
        int n = draws.Size(1, 5),
            hidden = draws.Size(1, 5, 40, 257);
        var (gates, upstream) = (draws.Normal(n, 2 * hidden).mul(3).to(type), draws.Normal(n, hidden).to(type));
        var leaf = gates.to(ScalarType.Float32).clone().requires_grad_(true);
        Tensor Composed(Tensor of) => of.chunk(2, 1)[0].silu().mul(of.chunk(2, 1)[1]);
        var expected = Composed(leaf);
        expected.backward([upstream.to(ScalarType.Float32)]);

        Close.RelativeL2(expected, block.SwiGlu(gates), near, "h");
        Close.RelativeL2(leaf.grad!, block.SwiGluBack(gates, upstream), near, "gradient");

        var damaged = draws.Damaged(gates);
        AssertDamage(Composed(damaged.to(ScalarType.Float32)), block.SwiGlu(damaged), "h");
    }

    [Theory]
    [MemberData(nameof(Seeds))]
    public void Heads_OfAnyShape_AreSplitAndOpenedAsComposedAndGiveTheGradients(int seed, bool rounded)
    {
        using var draws = new Draws(seed);
        var (block, type, near) = Of(rounded);
        int batch = draws.Size(1, 2),
            length = draws.Size(1, 5),
            heads = draws.Size(1, 3, 9),
            d = draws.Size(2, 10, 32, 66),
            n = batch * length,
            c = heads * d;
        var valued = draws.Size(0, 1) == 1;
        var angles = draws.Normal(length, d / 2);
        using var rotary = new RotaryTable(angles.cos(), angles.sin());
        Tensor[] given = [.. new[] { draws.Normal(n, 3 * c), draws.Normal(n, c), draws.Normal(n, heads) }.Select(t => t.to(type))];
        Tensor[] upstream = [.. Enumerable.Range(0, 4).Select(_ => draws.Normal(n, c).to(type))];
        Tensor[] leaves = [.. given.Select(t => t.to(ScalarType.Float32).clone().requires_grad_(true))];
        (Tensor Q, Tensor K, Tensor V) Composed(Tensor[] of)
        {
            var parts = of[0].view(batch, length, 3 * heads, d).split(heads, 2);
            var v = valued
                ? parts[2].addcmul(of[2].sigmoid().view(batch, length, heads, 1), of[1].view(batch, length, heads, d), 2.0)
                : parts[2];
            return (
                Functional.RmsNorm(rotary.Turn(parts[0])).reshape(n, c),
                Functional.RmsNorm(rotary.Turn(parts[1])).reshape(n, c),
                v.reshape(n, c)
            );
        }

        var (q, k, v) = Composed(leaves);
        Tensor[] slopes = [.. upstream.Select(t => t.to(ScalarType.Float32))];
        q.mul(slopes[0]).sum().add(k.mul(slopes[1]).sum()).add(v.mul(slopes[2]).sum()).backward();
        var (embedded, gate) = valued ? (given[1], given[2]) : (null, (Tensor?)null);

        var found = block.Split(given[0], rotary.Cos, rotary.Sin, embedded, gate, length, heads);
        var back = block.SplitBack(
            upstream[0],
            upstream[1],
            upstream[2],
            given[0],
            found.Factors,
            rotary.Cos,
            rotary.Sin,
            embedded,
            gate,
            length,
            heads
        );

        Close.RelativeL2(q, found.Q, near, "queries");
        Close.RelativeL2(k, found.K, near, "keys");
        Close.RelativeL2(v, found.V, near, "values");
        Close.RelativeL2(leaves[0].grad!, back.Qkv, 3 * near, "gradient");
        if (valued)
        {
            Close.RelativeL2(leaves[1].grad!, back.Embedded!, near, "gradient of the value embedding");
            Close.RelativeL2(leaves[2].grad!, back.Gate!, 3 * near, "gradient of its gate");
        }

        Tensor[] closed = [.. new[] { given[1], given[2] }.Select(t => t.to(ScalarType.Float32).clone().requires_grad_(true))];
        var opened = closed[0].view(n, heads, d).mul(closed[1].sigmoid().unsqueeze(-1)).view(n, c);
        opened.backward([slopes[3]]);

        Close.RelativeL2(opened, block.Open(given[1], given[2]), near, "opened");
        var (dy, dGate) = block.OpenBack(upstream[3], given[1], given[2]);
        Close.RelativeL2(closed[0].grad!, dy, near, "gradient of the heads");
        Close.RelativeL2(closed[1].grad!, dGate, 3 * near, "gradient of their gate");

        Tensor[] damaged = [draws.Damaged(given[0]), given[1], given[2]];
        found = block.Split(damaged[0], rotary.Cos, rotary.Sin, embedded, gate, length, heads);
        (q, k, v) = Composed([.. damaged.Select(t => t.to(ScalarType.Float32))]);
        AssertDamage(q, found.Q, "queries");
        AssertDamage(k, found.K, "keys");
        AssertDamage(v, found.V, "values");
    }

    [Theory]
    [MemberData(nameof(Seeds))]
    public void Loss_OfAnyShapeAndTerms_IsComposedOnesAndGivesTheGradient(int seed, bool rounded)
    {
        using var draws = new Draws(seed);
        var (_, type, _) = Of(rounded);
        int n = draws.Size(1, 4),
            v = draws.Size(3, 37, 300),
            padding = draws.Size(0, 3);
        var (cap, temperature, smoothing) = (draws.Size(1, 15), draws.Size(10, 17) / 10.0, draws.Size(0, 2) / 10.0);
        bool taught = draws.Size(0, 1) == 1,
            logarithms = draws.Size(0, 1) == 1;
        var (logits, teacher) = (draws.Normal(n, v).mul(4).to(type), draws.Normal(n, v).mul(3));
        teacher = logarithms ? F.log_softmax(teacher, -1) : teacher.to(type);
        var first = arange(n).mul(5).remainder(v).to(ScalarType.Int64);
        var further = first.add(1).remainder(v);
        further[0] = tensor(TrainingLoss.Ignored);

        (Tensor Loss, Tensor Gradient) Composed(Tensor of)
        {
            var leaf = of.to(ScalarType.Float32).clone().requires_grad_(true);
            var capped = leaf.div(cap).tanh().mul(cap);
            var q = F.log_softmax(capped, -1);
            var loss = TrainingLoss
                .CrossEntropySum(q, first, smoothing)
                .add(TrainingLoss.CrossEntropySum(q, further, 0, hasIgnored: true).mul(0.5))
                .mul(0.3);
            if (taught)
            {
                var warm = F.log_softmax(capped.div(temperature), -1);
                var soft = logarithms
                    ? TrainingLoss.KlSumOf(warm, teacher, temperature)
                    : TrainingLoss.KlSum(warm, teacher.to(ScalarType.Float32).div(cap).tanh().mul(cap), temperature);
                loss = loss.add(soft.mul(0.2));
            }

            loss.backward();
            return (loss, leaf.grad!);
        }

        // Two rows of the micro-batch came before these.
        (double Loss, Tensor Gradient) Fused(Tensor of)
        {
            var padded = F.pad(of, [0, padding], value: 7).contiguous();
            var before = full([2, 2], 1L, ScalarType.Int64);
            var losses = full([n + 2], 77.0, ScalarType.Float64);
            LossKernels.Run(
                PlayedCuda.Kernels(rounded),
                padded,
                v,
                cat([before, stack([first, further])], 1),
                tensor(new[] { 1, 0.5 }),
                smoothing,
                taught && !logarithms ? F.pad(teacher, [0, padding], value: 7).contiguous() : null,
                taught && logarithms ? teacher : null,
                new LossTerms(cap, temperature, 0.3, taught ? 0.2 * temperature * temperature : 0, logarithms),
                2,
                losses
            );
            Assert.Equal(0, padded.narrow(1, v, padding).to(ScalarType.Float32).abs().sum().ToDouble());
            Assert.Equal([77.0, 77.0], losses.narrow(0, 0, 2).data<double>().ToArray());
            return (losses.narrow(0, 2, n).sum().ToDouble(), padded.narrow(1, 0, v));
        }

        var (expected, gradient) = Composed(logits);
        var damaged = draws.Damaged(logits);
        var (damagedLoss, damagedGradient) = Composed(damaged);

        var found = Fused(logits);
        var foundDamaged = Fused(damaged);

        Assert.Equal(expected.ToDouble(), found.Loss, 1e-5 * Math.Max(1, expected.ToDouble()));
        Close.Max(gradient, found.Gradient, rounded ? 2e-3 : 2e-6, "gradient");
        Assert.Equal(double.IsFinite(damagedLoss.ToDouble()), double.IsFinite(foundDamaged.Loss));
        AssertDamage(damagedGradient, foundDamaged.Gradient, "gradient");
    }

    private static (BlockKernels Block, ScalarType Type, double Near) Of(bool rounded)
    {
        var type = rounded ? ScalarType.BFloat16 : ScalarType.Float32;
        return (new BlockKernels(PlayedCuda.Kernels(rounded), type), type, rounded ? NearRounded : Near);
    }

    private static void AssertDamage(Tensor expected, Tensor actual, string what) =>
        AssertSameDamage(expected.to(actual.dtype).to(ScalarType.Float32), actual.to(ScalarType.Float32), what);
}
