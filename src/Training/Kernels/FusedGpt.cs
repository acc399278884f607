using Slowrun.Core.Models;
using Slowrun.Core.Recipes;
using Slowrun.Training.Models;
using static TorchSharp.torch;

namespace Slowrun.Training.Kernels;

/// <summary>
/// The network of <see cref="Gpt"/>, forward and backward, on a processor, without autograd: matrix products of libtorch and kernels of our
/// own between them. Its memory is reused for each micro-batch. Not thread-safe.
/// </summary>
internal sealed unsafe partial class FusedGpt : IDisposable
{
    private readonly ModelRecipe model;
    private readonly HeadShape shape;
    private readonly int hidden;
    private readonly AttentionKernel attention;
    private readonly List<LayerVisit> visits = [];
    private readonly List<Activations> kept = [];
    private readonly OwnedMatrices all = new();
    private readonly Matrix cos;
    private readonly Matrix sin;
    private readonly Matrix x0;
    private readonly Matrix x0By;
    private readonly Matrix qkv;
    private readonly Matrix branch;
    private readonly Matrix inner;
    private readonly Matrix outputBy;
    private readonly Matrix?[] values;
    private readonly bool[] valued;
    private int visited;
    private long* tokens;
    private int stride;

    /// <param name="rotary">The tables are copied.</param>
    /// <param name="batch">Sequences of each micro-batch.</param>
    public FusedGpt(ModelRecipe model, RotaryTable rotary, int batch, int length)
    {
        this.model = model;
        shape = new HeadShape(batch, length, model.Heads, model.Width / model.Heads);
        hidden = ParameterTable.HiddenWidth(model);
        values = new Matrix?[model.Layers];
        valued = new bool[model.Layers];
        try
        {
            attention = new AttentionKernel(shape);
            (cos, sin) = (Padded(rotary.Cos), Padded(rotary.Sin));
            x0 = Stream();
            x0By = Own(Matrix.Empty(1, shape.Rows));
            qkv = Own(Matrix.Empty(shape.Rows, 3L * shape.Channels));
            branch = Stream();
            inner = Own(Matrix.Empty(shape.Rows, hidden));
            outputBy = Own(Matrix.Empty(1, shape.Rows));
            Hidden = Stream();
        }
        catch
        {
            Dispose();
            throw;
        }
    }

    /// <summary>[n, C], normalised: the output of <see cref="Forward"/>.</summary>
    public Matrix Hidden { get; }

    /// <param name="batch">[B, T + 1] int64, contiguous; the last token of each row is not read. The caller keeps it until the backward
    /// pass.</param>
    /// <param name="keep">Whether a backward pass follows.</param>
    public void Forward(FusedWeights weights, Tensor batch, ForwardPass pass, bool keep)
    {
        tokens = (long*)Matrix.Address(batch);
        stride = (int)batch.shape[1];
        int n = shape.Rows,
            c = shape.Channels;
        RowKernels.Embed(weights.Embedding.Data, tokens, stride, shape.Length, x0.Data, x0By.Data, n, c);
        visited = 0;
        Array.Clear(valued);
        var encoded = new LayerVisit[model.Layers / 2];
        var before = x0;
        foreach (var layer in LayerVisits.Of(model.Layers, pass.Loop))
        {
            var visit = Next(layer, keep);
            visit.Skip = layer >= encoded.Length ? encoded[model.Layers - 1 - layer] : null;
            visit.Kept = pass.Depth?.Keeps(layer) ?? true;
            var saved = visit.Activations;
            RowKernels.Mix(
                before.Data,
                visit.Skip is { } skip ? skip.Stream.Data : null,
                x0.Data,
                Scalars(weights, layer),
                visit.Stream.Data,
                visit.Kept ? saved.Normalised.Data : null,
                saved.NormalisedBy.Data,
                n,
                c
            );
            if (visit.Kept)
            {
                Block(weights.Blocks[layer], visit, pass, visited - 1);
            }

            before = visit.Stream;
            if (layer < encoded.Length)
            {
                encoded[layer] = visit;
            }
        }

        RowKernels.AddNorm(before.Data, null, DropoutMask.None, Hidden.Data, outputBy.Data, n, c);
    }

    public void Dispose()
    {
        attention?.Dispose();
        foreach (var visit in visits)
        {
            visit.Dispose();
        }

        kept.ForEach(activations => activations.Dispose());
        all.Dispose();
    }

    private void Block(FusedBlock weights, LayerVisit visit, ForwardPass pass, int index)
    {
        int n = shape.Rows,
            c = shape.Channels;
        var saved = visit.Activations;
        Matrix.ProductTransposed(qkv, saved.Normalised, weights.QueryKeyValue);
        var value = weights.ValueProjection is null ? null : Value(weights, visit.Layer);
        if (value is not null)
        {
            Open(saved.ValueGate, saved.Normalised.Columns(ParameterTable.ValueGateChannels), weights.ValueGate!);
        }

        Open(saved.AttentionGate, saved.Normalised.Columns(ParameterTable.AttentionGateChannels), weights.AttentionGate);
        HeadKernels.Split(
            qkv.Data,
            cos.Data,
            sin.Data,
            value is null ? null : value.Data,
            saved.ValueGate.Data,
            saved.Queries.Data,
            saved.Keys.Data,
            saved.Values.Data,
            saved.QueriesBy.Data,
            saved.KeysBy.Data,
            shape
        );
        attention.Forward(
            saved.Queries.Data,
            saved.Keys.Data,
            saved.Values.Data,
            saved.Attended.Data,
            saved.Sums.Data,
            pass.Windows.At(model, visit.Layer)
        );
        HeadKernels.Gate(saved.Attended.Data, saved.AttentionGate.Data, shape);
        Matrix.ProductTransposed(branch, saved.Attended, weights.AttentionOutput);
        var mask = Mask(pass, index, mlp: false);
        RowKernels.AddNorm(visit.Stream.Data, branch.Data, mask, saved.MlpNormalised.Data, saved.MlpNormalisedBy.Data, n, c);
        Matrix.ProductTransposed(saved.Gates, saved.MlpNormalised, weights.MlpInput);
        RowKernels.SwiGlu(saved.Gates.Data, inner.Data, n, hidden);
        Matrix.ProductTransposed(branch, inner, weights.MlpOutput);
        RowKernels.AddNorm(visit.Stream.Data, branch.Data, Mask(pass, index, mlp: true), null, null, n, c);
    }

    /// <summary>σ(x Wᵀ).</summary>
    private void Open(Matrix gate, Matrix x, Matrix weight)
    {
        Matrix.ProductTransposed(gate, x, weight);
        RowKernels.Sigmoid(gate.Data, shape.Rows * shape.Heads);
    }

    /// <summary>The value embedding of a layer, shared by all its visits.</summary>
    private Matrix Value(FusedBlock weights, int layer)
    {
        var value = values[layer] ??= Stream();
        if (!valued[layer])
        {
            Matrix.ProductTransposed(value, x0, weights.ValueProjection!);
            valued[layer] = true;
        }

        return value;
    }

    private MixScalars Scalars(FusedWeights weights, int layer)
    {
        var half = model.Layers / 2;
        return new MixScalars(
            weights.ResidualLambdas.Data[layer],
            weights.X0Lambdas.Data[layer],
            layer >= half ? weights.SkipWeights.Data[layer - half] : 0
        );
    }

    /// <summary>The dropout mask of the visit's attention or MLP.</summary>
    private static DropoutMask Mask(ForwardPass pass, int index, bool mlp) =>
        pass.Dropout is { } dropout && (!mlp || pass.MlpDropout)
            ? DropoutMask.Of(dropout.KeyOf((2 * index) + (mlp ? 1 : 0)), dropout.Probability)
            : DropoutMask.None;

    private LayerVisit Next(int layer, bool keep)
    {
        if (visited == visits.Count)
        {
            if (keep || kept.Count == 0)
            {
                kept.Add(new Activations(shape, hidden));
            }

            visits.Add(
                new LayerVisit
                {
                    Layer = layer,
                    Stream = Matrix.Empty(shape.Rows, shape.Channels),
                    Activations = kept[^1],
                }
            );
        }

        var visit = visits[visited++];
        visit.Layer = layer;
        visit.HasSkipGradient = false;
        return visit;
    }

    /// <summary>Copies [T, 1, d] to [T, padded d].</summary>
    private Matrix Padded(Tensor table)
    {
        if (table.dtype != ScalarType.Float32 || table.shape[0] < shape.Length || table.shape[^1] != shape.Width)
        {
            throw new ArgumentException(
                $"A rotary table is {table.dtype} [{string.Join(", ", table.shape)}], expected Float32 [{shape.Length} or more, 1, {shape.Width}].",
                nameof(table)
            );
        }

        var matrix = Own(Matrix.Empty(shape.Length, shape.PaddedWidth));
        var from = Matrix.Address(table);
        for (var t = 0; t < shape.Length; t++)
        {
            for (var j = 0; j < shape.PaddedWidth; j++)
            {
                matrix.Data[(t * shape.PaddedWidth) + j] = j < shape.Width ? from[(t * shape.Width) + j] : 0;
            }
        }

        return matrix;
    }

    private Matrix Stream() => Own(Matrix.Empty(shape.Rows, shape.Channels));

    private Matrix Own(Matrix matrix) => all.Add(matrix);
}
