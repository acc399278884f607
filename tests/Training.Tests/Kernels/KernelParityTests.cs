using Slowrun.Training.Distillation;
using Slowrun.Training.Kernels;
using Slowrun.Training.Models;
using TorchSharp;
using static Slowrun.Training.Tests.Kernels.Draws;
using static TorchSharp.torch;
using F = TorchSharp.torch.nn.functional;

namespace Slowrun.Training.Tests.Kernels;

/// <summary>Each kernel against the composed operations and autograd, over seeded shapes; and with numbers that are none.</summary>
public sealed unsafe class KernelParityTests
{
    private const double Near = 3e-6;

    public static TheoryData<int> Seeds() => [.. Enumerable.Range(0, 12)];

    [Theory]
    [MemberData(nameof(Seeds))]
    public void Embed_OfAnyShape_IsTheNormOfTheRowsAndGivesTheirGradient(int seed)
    {
        using var scope = NewDisposeScope();
        using var draws = new Draws(seed);
        int batch = draws.Size(1, 3),
            length = draws.Size(1, 5, 16),
            c = draws.Size(8, 16, 42, 64),
            n = batch * length;
        var table = draws.Normal(11, c);
        var tokens = arange(batch * (length + 1)).mul(7).remainder(11).view(batch, length + 1).to(ScalarType.Int64);
        var upstream = draws.Normal(n, c);
        var leaf = table.clone().requires_grad_(true);
        var expected = Functional.RmsNorm(leaf.index_select(0, tokens.narrow(1, 0, length).reshape(-1)));
        expected.backward([upstream]);
        var (x, r, gradient) = (empty(n, c), empty(n), draws.Normal(11, c));
        var found = gradient.clone();
        var at = (long*)At(tokens);

        RowKernels.Embed(At(table), at, length + 1, length, At(x), At(r), n, c);
        RowKernels.EmbedBack(At(found), at, length + 1, length, At(upstream), At(x), At(r), n, c);

        Close.RelativeL2(expected, x, Near, "rows");
        Close.RelativeL2(leaf.grad!, found.sub(gradient), Near, "gradient");
    }

    [Theory]
    [MemberData(nameof(Seeds))]
    public void Mix_OfAnyShape_IsTheMixtureAndItsNormAndGivesTheirGradients(int seed)
    {
        using var scope = NewDisposeScope();
        using var draws = new Draws(seed);
        int n = draws.Size(1, 63, 65, 130),
            c = draws.Size(8, 16, 42, 64);
        bool skips = draws.Size(0, 1) == 1,
            norms = draws.Size(0, 1, 1) == 1,
            adds = draws.Size(0, 1) == 1;
        var (before, encoded, x0) = (draws.Normal(n, c), draws.Normal(n, c), draws.Normal(n, c));
        var (ofX, ofA) = (draws.Normal(n, c), draws.Normal(n, c));
        var scalars = new MixScalars(0.9f, -0.3f, 0.7f);
        Tensor[] leaves =
        [
            .. new[] { before, encoded, x0, tensor(0.9f), tensor(-0.3f), tensor(0.7f) }.Select(t => t.clone().requires_grad_(true)),
        ];
        var mixed = skips ? leaves[0].addcmul(leaves[5], leaves[1], 1.0) : leaves[0];
        mixed = mixed.mul(leaves[3]).addcmul(leaves[2], leaves[4], 1.0);
        var normed = Functional.RmsNorm(mixed);
        (norms ? mixed.mul(ofX).sum().add(normed.mul(ofA).sum()) : mixed.mul(ofX).sum()).backward();
        var (x, a, r) = (empty(n, c), empty(n, c), empty(n));
        var (dx, dx0, dEncoded) = (ofX.clone(), draws.Normal(n, c), draws.Normal(n, c));
        var (dx0Before, dEncodedBefore) = (dx0.clone(), adds ? dEncoded.clone() : zeros_like(dEncoded));
        var e = skips ? At(encoded) : null;

        RowKernels.Mix(At(before), e, At(x0), scalars, At(x), norms ? At(a) : null, At(r), n, c);
        var found = RowKernels.MixBack(
            At(dx),
            norms ? At(ofA) : null,
            At(a),
            At(r),
            At(before),
            e,
            At(x0),
            scalars,
            At(dx0),
            skips ? At(dEncoded) : null,
            adds,
            n,
            c
        );

        Close.RelativeL2(mixed, x, Near, "x");
        Close.RelativeL2(leaves[0].grad!, dx, Near, "gradient");
        Close.RelativeL2(leaves[2].grad!, dx0.sub(dx0Before), Near, "gradient of x0");
        Close.Max(leaves[3].grad!, tensor((float)found.Lambda), 1e-3, "gradient of lambda");
        Close.Max(leaves[4].grad!, tensor((float)found.Lambda0), 1e-3, "gradient of lambda0");
        if (norms)
        {
            Close.RelativeL2(normed, a, Near, "a");
        }

        if (skips)
        {
            Close.RelativeL2(leaves[1].grad!, dEncoded.sub(dEncodedBefore), Near, "gradient of the skip");
            Close.Max(leaves[5].grad!, tensor((float)found.Skip), 1e-3, "gradient of its weight");
        }
    }

    [Theory]
    [MemberData(nameof(Seeds))]
    public void AddNorm_WithDropout_HasTheMasksOfTheComposedPath(int seed)
    {
        using var scope = NewDisposeScope();
        using var draws = new Draws(seed);
        int n = draws.Size(1, 7, 33),
            c = draws.Size(8, 16, 42, 64);
        var dropout = new Dropout((ulong)seed, draws.Size(0, 3, 9) / 10.0);
        var mask = DropoutMask.Of(dropout.KeyOf(5), dropout.Probability);
        var (x, branch, ofX, ofM) = (draws.Normal(n, c), draws.Normal(n, c), draws.Normal(n, c), draws.Normal(n, c));
        var (left, right) = (x.clone().requires_grad_(true), branch.clone().requires_grad_(true));
        var sum = dropout.Add(left, right, 5);
        var normed = Functional.RmsNorm(sum);
        sum.mul(ofX).sum().add(normed.mul(ofM).sum()).backward();
        var (m, r, dx, dBranch) = (empty(n, c), empty(n), ofX.clone(), empty(n, c));

        RowKernels.AddNorm(At(x), At(branch), mask, At(m), At(r), n, c);
        RowKernels.AddNormBack(At(dx), At(ofM), At(m), At(r), mask, At(dBranch), n, c);

        Close.RelativeL2(sum, x, 1e-7, "sum");
        Close.RelativeL2(normed, m, Near, "norm");
        Close.RelativeL2(left.grad!, dx, Near, "gradient");
        Close.RelativeL2(right.grad!, dBranch, Near, "gradient of the branch");
    }

    [Theory]
    [MemberData(nameof(Seeds))]
    public void SwiGlu_OfAnyShape_IsComposedOnesAndGivesItsGradient(int seed)
    {
        using var scope = NewDisposeScope();
        using var draws = new Draws(seed);
        int n = draws.Size(1, 5, 17),
            hidden = draws.Size(5, 16, 40, 256);
        var (gates, upstream) = (draws.Normal(n, 2 * hidden).mul(3), draws.Normal(n, hidden));
        var leaf = gates.clone().requires_grad_(true);
        var parts = leaf.chunk(2, 1);
        var expected = parts[0].silu().mul(parts[1]);
        expected.backward([upstream]);
        var (h, dGates) = (empty(n, hidden), empty(n, 2 * hidden));

        RowKernels.SwiGlu(At(gates), At(h), n, hidden);
        RowKernels.SwiGluBack(At(gates), At(upstream), At(dGates), n, hidden);

        Close.RelativeL2(expected, h, Near, "h");
        Close.RelativeL2(leaf.grad!, dGates, Near, "gradient");
        Assert.True(h.bytes.SequenceEqual(upstream.bytes), "What the backward pass computes again is not what the forward pass gave.");

        var damaged = draws.Damaged(gates);
        parts = damaged.chunk(2, 1);
        RowKernels.SwiGlu(At(damaged), At(h), n, hidden);
        AssertSameDamage(parts[0].silu().mul(parts[1]), h, "h");
    }

    [Theory]
    [MemberData(nameof(Seeds))]
    public void Heads_OfAnyShape_AreSplitAndGatedAsComposedAndGiveTheGradients(int seed)
    {
        using var scope = NewDisposeScope();
        using var draws = new Draws(seed);
        var shape = new HeadShape(draws.Size(1, 2), draws.Size(1, 5, 17), draws.Size(1, 3), draws.Size(2, 10, 16, 24, 32, 64));
        var (n, c, d) = (shape.Rows, shape.Channels, shape.Width);
        var valued = draws.Size(0, 1) == 1;
        var (qkv, value, gate) = (draws.Normal(n, 3 * c), draws.Normal(n, c), draws.Normal(n, shape.Heads));
        var (ofQ, ofK, ofV) = (Padded(draws.Normal(n, c), shape), Padded(draws.Normal(n, c), shape), Padded(draws.Normal(n, c), shape));
        var angles = draws.Normal(shape.Length, d / 2);
        using var rotary = new RotaryTable(angles.cos(), angles.sin());
        Tensor[] leaves = [.. new[] { qkv, value, gate }.Select(t => t.clone().requires_grad_(true))];
        var parts = leaves[0].view(shape.Batch, shape.Length, 3 * shape.Heads, d).split(shape.Heads, 2);
        var (q, k, v) = (Functional.RmsNorm(rotary.Turn(parts[0])), Functional.RmsNorm(rotary.Turn(parts[1])), parts[2]);
        var open = leaves[2].sigmoid();
        v = valued ? v.addcmul(open.view(shape.Batch, shape.Length, -1, 1), leaves[1].view(v.shape), 2.0) : v;
        Tensor Out(Tensor x) => Padded(x.reshape(n, c), shape);
        Out(q).mul(ofQ).sum().add(Out(k).mul(ofK).sum()).add(Out(v).mul(ofV).sum()).backward();
        var opened = gate.sigmoid();
        var (cos, sin) = (Table(rotary.Cos, shape), Table(rotary.Sin, shape));
        Tensor[] heads = [.. Enumerable.Range(0, 3).Select(_ => empty(shape.Packed))];
        var (rq, rk) = (empty(n, shape.Heads), empty(n, shape.Heads));
        var (dQkv, dValue, dGate) = (empty(n, 3 * c), zeros(n, c), empty(n, shape.Heads));
        Tensor[] slopes = [.. new[] { ofQ, ofK, ofV }.Select(t => t.clone())];
        var embedded = valued ? At(value) : null;

        HeadKernels.Split(At(qkv), At(cos), At(sin), embedded, At(opened), At(heads[0]), At(heads[1]), At(heads[2]), At(rq), At(rk), shape);
        HeadKernels.SplitBack(
            At(slopes[0]),
            At(slopes[1]),
            At(slopes[2]),
            At(heads[0]),
            At(heads[1]),
            At(rq),
            At(rk),
            At(cos),
            At(sin),
            embedded,
            At(opened),
            At(dQkv),
            At(dValue),
            At(dGate),
            shape
        );

        Close.RelativeL2(Out(q), heads[0].view(ofQ.shape), Near, "queries");
        Close.RelativeL2(Out(k), heads[1].view(ofQ.shape), Near, "keys");
        Close.RelativeL2(Out(v), heads[2].view(ofQ.shape), Near, "values");
        Close.RelativeL2(leaves[0].grad!, dQkv, 1e-5, "gradient");
        if (valued)
        {
            Close.RelativeL2(leaves[1].grad!, dValue, Near, "gradient of the value embedding");
            Close.RelativeL2(leaves[2].grad!, dGate, 1e-5, "gradient of its gate");
        }
    }

    [Theory]
    [MemberData(nameof(Seeds))]
    public void Attention_OfAnyShapeAndWindow_IsComposedOnesAndGivesTheGradients(int seed)
    {
        using var scope = NewDisposeScope();
        using var draws = new Draws(seed);
        var shape = new HeadShape(draws.Size(1, 2), draws.Size(1, 7, 16, 33, 50), draws.Size(1, 3), draws.Size(2, 10, 16, 24, 32, 64));
        var (n, c, window) = (shape.Rows, shape.Channels, draws.Size(0, 1, 5, 16, 40, 1000));
        Tensor[] given =
        [
            .. Enumerable.Range(0, 2).Select(_ => Heads(Functional.RmsNorm(draws.Normal(n, shape.Heads, shape.Width)), shape)),
        ];
        given = [.. given, Heads(draws.Normal(n, c), shape)];
        Tensor[] leaves = [.. given.Select(t => t.clone().requires_grad_(true))];
        var (gate, upstream) = (draws.Normal(n, shape.Heads).sigmoid(), draws.Normal(n, c));
        var open = gate.clone().requires_grad_(true);
        using var masks = new WindowMasks(CPU, ScalarType.Float32);
        var expected = F.scaled_dot_product_attention(
                leaves[0],
                leaves[1],
                leaves[2],
                masks.Of(shape.Length, window),
                0,
                window >= shape.Length - 1
            )
            .transpose(1, 2)
            .reshape(n, shape.Heads, shape.Width)
            .mul(open.unsqueeze(-1))
            .reshape(n, c);
        expected.backward([upstream]);
        Tensor[] packed = [.. given.Select(t => Pad(t, shape))];
        var (y, sums, along, dGate) = (empty(n, c), empty(n * shape.Heads), empty(n * shape.Heads), empty(n, shape.Heads));
        Tensor[] slopes = [.. Enumerable.Range(0, 4).Select(_ => empty(shape.Packed))];
        using var attention = new AttentionKernel(shape);

        attention.Forward(At(packed[0]), At(packed[1]), At(packed[2]), At(y), At(sums), window);
        HeadKernels.Gate(At(y), At(gate), shape);
        HeadKernels.GateBack(At(upstream), At(y), At(gate), At(slopes[3]), At(along), At(dGate), shape);
        attention.Backward(
            At(packed[0]),
            At(packed[1]),
            At(packed[2]),
            At(sums),
            At(slopes[3]),
            At(along),
            At(slopes[0]),
            At(slopes[1]),
            At(slopes[2]),
            window
        );

        Close.RelativeL2(expected, y, Near, "output");
        Close.RelativeL2(open.grad!, dGate.div(gate.mul(gate.neg().add(1))), 1e-5, "gradient of the gate");
        foreach (var (leaf, slope) in leaves.Zip(slopes))
        {
            // With one key the gradients of queries and keys are 0, but for rounding.
            Close.Max(leaf.grad!, slope.view(shape.Batch, shape.Heads, shape.Length, -1).narrow(3, 0, shape.Width), 2e-5, "gradient");
        }
    }

    [Theory]
    [MemberData(nameof(Seeds))]
    public void Loss_OfAnyShapeAndTerms_IsComposedOnesAndGivesTheGradient(int seed)
    {
        using var scope = NewDisposeScope();
        using var draws = new Draws(seed);
        int n = draws.Size(1, 5),
            v = draws.Size(3, 16, 37, 257);
        var (cap, temperature, smoothing) = (draws.Size(1, 15), draws.Size(10, 17) / 10.0, draws.Size(0, 2) / 10.0);
        bool taught = draws.Size(0, 1) == 1,
            logarithms = draws.Size(0, 1) == 1;
        var terms = new LossTerms(cap, temperature, 0.3, taught ? 0.2 * temperature * temperature : 0, logarithms);
        var (logits, teacher) = (draws.Normal(n, v).mul(4), draws.Normal(n, v).mul(3));
        teacher = logarithms ? F.log_softmax(teacher, -1) : teacher;
        var first = arange(n).mul(5).remainder(v).to(ScalarType.Int64);
        var further = first.add(1).remainder(v);
        further[0] = tensor(-1L);

        (Tensor Loss, Tensor Gradient) Composed(Tensor of)
        {
            var leaf = of.clone().requires_grad_(true);
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
                    : TrainingLoss.KlSum(warm, teacher.div(cap).tanh().mul(cap), temperature);
                loss = loss.add(soft.mul(0.2));
            }

            loss.backward();
            return (loss, leaf.grad!);
        }

        double Fused(Tensor of)
        {
            using var scratch = Matrix.Empty(1, v);
            TargetTokens[] targets = [new(first.data<long>().ToArray(), 1, smoothing), new(further.data<long>().ToArray(), 0.5, 0)];
            return LossKernel.Run(At(of), taught ? At(teacher.clone()) : null, targets, 0, terms, scratch.Data, n, v);
        }

        var (expected, gradient) = Composed(logits);
        var damaged = draws.Damaged(logits);
        var (damagedLoss, damagedGradient) = Composed(damaged);

        var found = Fused(logits);
        var foundDamaged = Fused(damaged);

        Assert.Equal(expected.ToDouble(), found, 1e-5 * Math.Max(1, expected.ToDouble()));
        Close.Max(gradient, logits, 2e-6, "gradient");
        Assert.Equal(double.IsFinite(damagedLoss.ToDouble()), double.IsFinite(foundDamaged));
        AssertSameDamage(damagedGradient, damaged, "gradient");
    }

    /// <summary>[n, H·d] to [B, H, T, d].</summary>
    private static Tensor Heads(Tensor x, in HeadShape shape) =>
        x.reshape(shape.Batch, shape.Length, shape.Heads, shape.Width).transpose(1, 2).contiguous();

    private static Tensor Pad(Tensor heads, in HeadShape shape) => F.pad(heads, [0, shape.PaddedWidth - shape.Width]).contiguous();

    private static Tensor Padded(Tensor x, in HeadShape shape) => Pad(Heads(x, shape), shape);

    private static Tensor Table(Tensor table, in HeadShape shape) =>
        F.pad(table.squeeze(1), [0, shape.PaddedWidth - shape.Width]).contiguous();
}
