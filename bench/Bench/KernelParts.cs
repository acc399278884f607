using Slowrun.Core.Models;
using Slowrun.Core.Recipes;
using Slowrun.Training.Kernels;
using Slowrun.Training.Optimizers;
using static TorchSharp.torch;

namespace Slowrun.Bench;

/// <summary>A product or kernel of a step.</summary>
/// <param name="Calls">How often a step calls it.</param>
/// <param name="Flops">Of one call; 0: not a product.</param>
/// <param name="Bytes">That one call reads and writes.</param>
internal sealed record KernelPart(string Name, int Calls, double Flops, double Bytes, Action Run);

/// <summary>The parts of a plain step on the fused path, with memory for each.</summary>
internal sealed unsafe class KernelParts : IDisposable
{
    private readonly ModelRecipe model;
    private readonly StageRecipe stage;
    private readonly HeadShape shape;
    private readonly int microBatches;
    private readonly OwnedMatrices all = new();
    private readonly List<KernelPart> parts = [];
    private AttentionKernel? attention;
    private uint noise = 1;

    public KernelParts(ModelRecipe model, StageRecipe stage)
    {
        (this.model, this.stage) = (model, stage);
        shape = new HeadShape(stage.DeviceRows, model.SequenceLength, model.Heads, model.Width / model.Heads);
        microBatches = stage.BatchTokens / shape.Rows;
        AddProducts();
        AddRows();
        AddLoss();
        AddUpdate();
    }

    public IReadOnlyList<KernelPart> All => parts;

    public void Dispose()
    {
        attention?.Dispose();
        all.Dispose();
    }

    /// <summary>Between -0.5 and 0.5.</summary>
    /// <param name="plus">Added to each number.</param>
    public Matrix Noise(int rows, int columns, float plus = 0)
    {
        var matrix = all.Add(Matrix.Empty(rows, columns));
        for (long i = 0; i < (long)rows * columns; i++)
        {
            noise = (noise * 1664525) + 1013904223;
            matrix.Data[i] = (noise >> 8) * (1f / (1 << 24)) - 0.5f + plus;
        }

        return matrix;
    }

    /// <summary>libtorch's, of a micro-batch.</summary>
    private void AddProducts()
    {
        int n = shape.Rows,
            c = shape.Channels,
            h = ParameterTable.HiddenWidth(model),
            v = model.VocabSize,
            chunk = (int)Math.Min(n, LogitRows.AtOnce(model, gpu: false)),
            valued = Enumerable.Range(0, model.Layers).Count(layer => ParameterTable.HasValueEmbedding(model, layer));
        Linear("queries, keys, values", n, c, 3 * c, model.Layers);
        Linear("value embedding", n, c, c, valued);
        Linear("attention's output", n, c, c, model.Layers);
        Linear("attention's gate", n, ParameterTable.AttentionGateChannels, model.Heads, model.Layers, of: c);
        Linear("value's gate", n, ParameterTable.ValueGateChannels, model.Heads, valued, of: c);
        Linear("MLP in", n, c, 2 * h, model.Layers);
        Linear("MLP out", n, h, c, model.Layers);
        Linear("logits", chunk, c, v, n / chunk);
    }

    private void Linear(string name, int n, int from, int to, int calls, int? of = null)
    {
        var (x, y, w, dx, dw) = (Noise(n, of ?? from), Noise(n, to), Noise(to, from), Noise(n, of ?? from), Noise(to, from));
        (x, dx) = of is null ? (x, dx) : (x.Columns(from), dx.Columns(from));
        var flops = 2.0 * n * from * to;
        var bytes = 4.0 * (((long)n * from) + ((long)n * to) + ((long)from * to));
        calls *= microBatches;
        Add($"{name} {n}x{from} to {to}", calls, flops, bytes, () => Matrix.ProductTransposed(y, x, w));
        Add($"{name}, gradient of the input", calls, flops, bytes, () => Matrix.Product(dx, y, w, of is null ? 0 : 1));
        Add($"{name}, gradient of the weights", calls, flops, bytes, () => Matrix.AddTransposedProduct(dw, y, x));
    }

    private void AddRows()
    {
        int n = shape.Rows,
            c = shape.Channels,
            h = ParameterTable.HiddenWidth(model),
            calls = model.Layers * microBatches,
            skips = model.Layers / 2 * microBatches;
        var stream = 4.0 * n * c;
        Matrix a = Noise(n, c),
            b = Noise(n, c),
            x0 = Noise(n, c),
            e = Noise(n, c),
            d = Noise(n, c),
            r = Noise(1, n),
            gates = Noise(n, 2 * h),
            dGates = Noise(n, 2 * h),
            inner = Noise(n, h);
        var scalars = new MixScalars(0.9f, 0.1f, 0.5f);
        var mask = DropoutMask.Of(7, stage.Dropout);
        Add(
            "mix + norm, encoder",
            skips,
            0,
            4 * stream,
            () => RowKernels.Mix(a.Data, null, x0.Data, scalars, b.Data, d.Data, r.Data, n, c)
        );
        Add(
            "mix + norm, decoder",
            skips,
            0,
            5 * stream,
            () => RowKernels.Mix(a.Data, e.Data, x0.Data, scalars, b.Data, d.Data, r.Data, n, c)
        );
        Add("drop + add + norm", calls, 0, 4 * stream, () => RowKernels.AddNorm(a.Data, b.Data, mask, d.Data, r.Data, n, c));
        Add("drop + add", calls, 0, 3 * stream, () => RowKernels.AddNorm(a.Data, b.Data, mask, null, null, n, c));
        Add("SwiGLU", calls, 0, 4.0 * n * 3 * h, () => RowKernels.SwiGlu(gates.Data, inner.Data, n, h));
        Add("SwiGLU back", calls, 0, 4.0 * n * 6 * h, () => RowKernels.SwiGluBack(gates.Data, inner.Data, dGates.Data, n, h));
        Add("drop back", calls, 0, 2 * stream, () => RowKernels.AddNormBack(a.Data, null, null, null, mask, b.Data, n, c));
        Add(
            "drop + add + norm back",
            calls,
            0,
            5 * stream,
            () => RowKernels.AddNormBack(a.Data, d.Data, e.Data, r.Data, mask, b.Data, n, c)
        );
        Add(
            "mix + norm back, encoder",
            skips,
            0,
            8 * stream,
            () => RowKernels.MixBack(a.Data, d.Data, e.Data, r.Data, b.Data, null, x0.Data, scalars, x0.Data, null, false, n, c)
        );
        var (skip, dSkip) = (Noise(n, c), Noise(n, c));
        Add(
            "mix + norm back, decoder",
            skips,
            0,
            10 * stream,
            () => RowKernels.MixBack(a.Data, d.Data, e.Data, r.Data, b.Data, skip.Data, x0.Data, scalars, x0.Data, dSkip.Data, false, n, c)
        );
        AddHeads(calls);
    }

    private void AddHeads(int calls)
    {
        int n = shape.Rows,
            c = shape.Channels;
        var stream = 4.0 * n * c;
        Matrix qkv = Noise(n, 3 * c),
            cos = Noise(shape.Length, shape.PaddedWidth),
            sin = Noise(shape.Length, shape.PaddedWidth),
            value = Noise(n, c),
            gate = Noise(n, shape.Heads),
            q = Noise(1, (int)shape.Packed),
            k = Noise(1, (int)shape.Packed),
            v = Noise(1, (int)shape.Packed),
            dq = Noise(1, (int)shape.Packed),
            dk = Noise(1, (int)shape.Packed),
            dv = Noise(1, (int)shape.Packed),
            dOut = Noise(1, (int)shape.Packed),
            y = Noise(n, c),
            dy = Noise(n, c),
            // About 1: what is written over itself must not end as denormal numbers.
            rq = Noise(n, shape.Heads, plus: 1),
            rk = Noise(n, shape.Heads, plus: 1),
            sums = Noise(1, n * shape.Heads),
            along = Noise(1, n * shape.Heads),
            dGate = Noise(n, shape.Heads);
        var kernel = attention = new AttentionKernel(shape);
        var windows = AttentionWindows.Of(model);
        var at = shape;
        Add(
            "heads: turn, norm, value",
            calls,
            0,
            7 * stream,
            () => HeadKernels.Split(qkv.Data, cos.Data, sin.Data, value.Data, gate.Data, q.Data, k.Data, v.Data, rq.Data, rk.Data, at)
        );
        foreach (var layers in Enumerable.Range(0, model.Layers).GroupBy(layer => windows.At(model, layer)))
        {
            var (window, times) = (layers.Key, layers.Count() * microBatches);
            Add(
                $"attention, window {window}",
                times,
                0,
                4 * stream,
                () => kernel.Forward(q.Data, k.Data, v.Data, y.Data, sums.Data, window)
            );
            Add(
                $"attention back, window {window}",
                times,
                0,
                7 * stream,
                () => kernel.Backward(q.Data, k.Data, v.Data, sums.Data, dOut.Data, along.Data, dq.Data, dk.Data, dv.Data, window)
            );
        }

        Add("gate on attention", calls, 0, 2 * stream, () => HeadKernels.Gate(dy.Data, gate.Data, at));
        Add(
            "gate on attention back",
            calls,
            0,
            3 * stream,
            () => HeadKernels.GateBack(dy.Data, y.Data, gate.Data, dOut.Data, along.Data, dGate.Data, at)
        );
        Add(
            "heads back",
            calls,
            0,
            11 * stream,
            () =>
                HeadKernels.SplitBack(
                    dq.Data,
                    dk.Data,
                    dv.Data,
                    q.Data,
                    k.Data,
                    rq.Data,
                    rk.Data,
                    cos.Data,
                    sin.Data,
                    value.Data,
                    gate.Data,
                    qkv.Data,
                    dy.Data,
                    dGate.Data,
                    at
                )
        );
        Add("sigmoid of gates", calls * 3 / 2, 0, 8.0 * n * shape.Heads, () => RowKernels.Sigmoid(gate.Data, n * shape.Heads));
    }

    private void AddLoss()
    {
        int n = shape.Rows,
            v = model.VocabSize,
            chunk = (int)Math.Min(n, LogitRows.AtOnce(model, gpu: false));
        var (logits, scratch) = (Noise(chunk, v), Noise(1, v));
        var targets = new[] { new TargetTokens([.. Enumerable.Range(0, chunk).Select(i => i * 7919L % v)], 1, 0) };
        var terms = new LossTerms((float)model.Softcap, 1, 1.0 / n, 0, TeacherLogarithms: false);
        Add(
            "softcap + cross-entropy",
            n / chunk * microBatches,
            0,
            8.0 * chunk * v,
            () => LossKernel.Run(logits.Data, null, targets, 0, terms, scratch.Data, chunk, v)
        );
    }

    private void AddUpdate()
    {
        var table = ParameterTable.Of(model);
        var groups = ParameterGroups.Of(table, stage.Optimizer);
        var count = (int)ParameterGroups.Layout(table, groups).Length;
        Matrix g = Noise(1, count),
            other = Noise(1, count),
            m = Noise(1, count),
            s = Noise(1, count, plus: 1),
            p = Noise(1, count);
        Add("gradient to zero", stage.Lanes, 0, 4.0 * count, () => new Span<float>(g.Data, count).Clear());
        Add("sum of lanes", stage.Lanes - 1, 0, 12.0 * count, () => RowKernels.Add(g.Data, other.Data, count));
        Add("norm of the gradient", 1, 0, 4.0 * count, () => OptimizerKernels.SquareSum(g.Data, count));
        Add("clip", 1, 0, 8.0 * count, () => OptimizerKernels.Scale(other.Data, 0.999f, count));
        var tables = (int)groups.Where(group => group.Kind == OptimizerKind.AdamW).Sum(group => group.Parameters.Sum(one => one.Count));
        var scalars = new AdamWScalars(1, 0.9f, 0.1f, 0.95f, 0.05f, 1, 1e-8f, 1e-6f);
        Add("AdamW", 1, 0, 28.0 * tables, () => OptimizerKernels.AdamW(p.Data, other.Data, m.Data, s.Data, scalars, tables));
        foreach (var group in groups.Where(group => group.Kind == OptimizerKind.Muon))
        {
            AddMuon(group);
        }
    }

    private void AddMuon(ParameterGroup group)
    {
        int matrices = group.Parameters.Count,
            rows = (int)group.Parameters[0].Shape[0],
            columns = (int)group.Parameters[0].Shape[1],
            count = matrices * rows * columns;
        var (least, most) = (Math.Min(rows, columns), Math.Max(rows, columns));
        var name = $"Muon, {matrices} of {rows}x{columns}";
        Matrix g = Noise(1, count),
            m = Noise(1, count),
            x = Noise(1, count),
            p = Noise(1, count),
            second = Noise(matrices, most, plus: 1),
            means = Noise(1, most);
        var u = zeros(matrices, rows, columns).DetachFromDisposeScope();
        new Span<float>(x.Data, count).CopyTo(new Span<float>(Matrix.Address(u), count));
        Add($"{name}: momentum", 1, 0, 16.0 * count, () => OptimizerKernels.Momentum(g.Data, m.Data, x.Data, 0.95f, 0.05f, count));
        Add(
            $"{name}: products",
            1,
            5.0 * 2 * matrices * ((2.0 * least * least * most) + ((double)least * least * least)),
            0,
            () =>
            {
                using var scope = NewDisposeScope();
                Orthogonalization.ApplyInPlace(u);
            }
        );
        Add(
            $"{name}: step",
            1,
            0,
            16.0 * count,
            () =>
            {
                for (var i = 0; i < matrices; i++)
                {
                    var at = (long)i * rows * columns;
                    OptimizerKernels.NormalizedStep(
                        p.Data + at,
                        x.Data + at,
                        second.Data + (i * most),
                        means.Data,
                        new MuonScalars(0.95f, 0.05f, 1e-6f, 1e-7f),
                        rows,
                        columns
                    );
                }
            }
        );
    }

    private void Add(string name, int calls, double flops, double bytes, Action run)
    {
        if (calls > 0)
        {
            parts.Add(new KernelPart(name, calls, flops, bytes, run));
        }
    }
}
