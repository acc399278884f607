using Slowrun.Core.Models;
using Slowrun.Core.Recipes;
using Slowrun.Training.Models;
using static TorchSharp.torch;

namespace Slowrun.Training.Kernels;

/// <summary>
/// One block of <see cref="Gpt"/>, attention and MLP, forward and backward, with memory that each block uses again. What a backward pass
/// reads is in <see cref="Activations"/>. Not thread-safe.
/// </summary>
internal sealed unsafe class BlockPass : IDisposable
{
    private readonly HeadShape shape;
    private readonly int hidden;
    private readonly AttentionKernel attention;
    private readonly OwnedMatrices all = new();
    private readonly Matrix cos;
    private readonly Matrix sin;
    private readonly Matrix qkv;
    private readonly Matrix branch;
    private readonly Matrix inner;
    private Slopes? slopes;

    /// <param name="rotary">The tables are copied.</param>
    public BlockPass(ModelRecipe model, RotaryTable rotary, in HeadShape shape)
    {
        this.shape = shape;
        hidden = ParameterTable.HiddenWidth(model);
        try
        {
            attention = new AttentionKernel(shape);
            (cos, sin) = (Padded(rotary.Cos), Padded(rotary.Sin));
            qkv = Own(Matrix.Empty(shape.Rows, 3L * shape.Channels));
            branch = Stream();
            inner = Own(Matrix.Empty(shape.Rows, hidden));
        }
        catch
        {
            Dispose();
            throw;
        }
    }

    /// <summary>[n, C]: the gradient of <see cref="Activations.Normalised"/>, of the last backward pass.</summary>
    public Matrix NormalisedGradient => (slopes ??= new Slopes(this)).Normalised;

    /// <param name="saved">Its <see cref="Activations.Normalised"/> is the input; the rest is written.</param>
    /// <param name="stream">[n, C]: the residual stream, which the block's branches are added to.</param>
    /// <param name="value">[n, C]: the value embedding; null: the block has none.</param>
    public void Forward(FusedBlock weights, Activations saved, Matrix stream, Matrix? value, in BlockSettings settings)
    {
        int n = shape.Rows,
            c = shape.Channels;
        Matrix.ProductTransposed(qkv, saved.Normalised, weights.QueryKeyValue);
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
        attention.Forward(saved.Queries.Data, saved.Keys.Data, saved.Values.Data, saved.Attended.Data, saved.Sums.Data, settings.Window);
        HeadKernels.Gate(saved.Attended.Data, saved.AttentionGate.Data, shape);
        Matrix.ProductTransposed(branch, saved.Attended, weights.AttentionOutput);
        RowKernels.AddNorm(stream.Data, branch.Data, settings.Attention, saved.MlpNormalised.Data, saved.MlpNormalisedBy.Data, n, c);
        Matrix.ProductTransposed(saved.Gates, saved.MlpNormalised, weights.MlpInput);
        RowKernels.SwiGlu(saved.Gates.Data, inner.Data, n, hidden);
        Matrix.ProductTransposed(branch, inner, weights.MlpOutput);
        RowKernels.AddNorm(stream.Data, branch.Data, settings.Mlp, null, null, n, c);
    }

    /// <summary>Adds to the gradients of the block's weights but the value projection's, and leaves
    /// <see cref="NormalisedGradient"/>.</summary>
    /// <param name="streamGradient">[n, C]. In: of the stream after the block. Out: of the stream before it, without the part through the
    /// normalised input.</param>
    /// <param name="valueGradient">[n, C], added to; null with <paramref name="value"/>.</param>
    /// <param name="settings">The same as of the forward pass.</param>
    public void Backward(
        FusedBlock weights,
        FusedBlock gradients,
        Activations saved,
        Matrix streamGradient,
        Matrix? value,
        Matrix? valueGradient,
        in BlockSettings settings
    )
    {
        var d = slopes ??= new Slopes(this);
        int n = shape.Rows,
            c = shape.Channels;
        RowKernels.AddNormBack(streamGradient.Data, null, null, null, settings.Mlp, branch.Data, n, c);
        Matrix.Product(inner, branch, weights.MlpOutput);
        RowKernels.SwiGluBack(saved.Gates.Data, inner.Data, d.Gates.Data, n, hidden);
        Matrix.AddTransposedProduct(gradients.MlpOutput, branch, inner);
        Matrix.AddTransposedProduct(gradients.MlpInput, d.Gates, saved.MlpNormalised);
        Matrix.Product(d.Normalised, d.Gates, weights.MlpInput);
        RowKernels.AddNormBack(
            streamGradient.Data,
            d.Normalised.Data,
            saved.MlpNormalised.Data,
            saved.MlpNormalisedBy.Data,
            settings.Attention,
            branch.Data,
            n,
            c
        );
        Matrix.AddTransposedProduct(gradients.AttentionOutput, branch, saved.Attended);
        Matrix.Product(d.Attended, branch, weights.AttentionOutput);
        AttentionBack(saved, value, valueGradient, settings.Window, d);

        var (attentionInput, valueInput) = (ParameterTable.AttentionGateChannels, ParameterTable.ValueGateChannels);
        Matrix.AddTransposedProduct(gradients.QueryKeyValue, qkv, saved.Normalised);
        Matrix.AddTransposedProduct(gradients.AttentionGate, d.AttentionGate, saved.Normalised.Columns(attentionInput));
        Matrix.Product(d.Normalised, qkv, weights.QueryKeyValue);
        Matrix.Product(d.Normalised.Columns(attentionInput), d.AttentionGate, weights.AttentionGate, 1);
        if (value is not null)
        {
            Matrix.AddTransposedProduct(gradients.ValueGate!, d.ValueGate, saved.Normalised.Columns(valueInput));
            Matrix.Product(d.Normalised.Columns(valueInput), d.ValueGate, weights.ValueGate!, 1);
        }
    }

    public void Dispose()
    {
        attention?.Dispose();
        all.Dispose();
    }

    /// <summary>From the gradient of the gated output to that of the packed queries, keys and values.</summary>
    private void AttentionBack(Activations saved, Matrix? value, Matrix? valueGradient, int window, Slopes d)
    {
        HeadKernels.GateBack(
            d.Attended.Data,
            saved.Attended.Data,
            saved.AttentionGate.Data,
            d.Output.Data,
            d.Along.Data,
            d.AttentionGate.Data,
            shape
        );
        attention.Backward(
            saved.Queries.Data,
            saved.Keys.Data,
            saved.Values.Data,
            saved.Sums.Data,
            d.Output.Data,
            d.Along.Data,
            d.Queries.Data,
            d.Keys.Data,
            d.HeadValues.Data,
            window
        );
        HeadKernels.SplitBack(
            d.Queries.Data,
            d.Keys.Data,
            d.HeadValues.Data,
            saved.Queries.Data,
            saved.Keys.Data,
            saved.QueriesBy.Data,
            saved.KeysBy.Data,
            cos.Data,
            sin.Data,
            value is null ? null : value.Data,
            saved.ValueGate.Data,
            qkv.Data,
            value is null ? null : valueGradient!.Data,
            d.ValueGate.Data,
            shape
        );
    }

    /// <summary>σ(x Wᵀ).</summary>
    private void Open(Matrix gate, Matrix x, Matrix weight)
    {
        Matrix.ProductTransposed(gate, x, weight);
        RowKernels.Sigmoid(gate.Data, shape.Rows * shape.Heads);
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

    /// <summary>Intermediate gradients; allocated by the first backward pass.</summary>
    private sealed class Slopes(BlockPass pass)
    {
        public Matrix Normalised { get; } = pass.Stream();

        public Matrix Attended { get; } = pass.Stream();

        public Matrix Gates { get; } = pass.Own(Matrix.Empty(pass.shape.Rows, 2L * pass.hidden));

        public Matrix Output { get; } = pass.Own(Matrix.Empty(1, pass.shape.Packed));

        public Matrix Queries { get; } = pass.Own(Matrix.Empty(1, pass.shape.Packed));

        public Matrix Keys { get; } = pass.Own(Matrix.Empty(1, pass.shape.Packed));

        public Matrix HeadValues { get; } = pass.Own(Matrix.Empty(1, pass.shape.Packed));

        public Matrix Along { get; } = pass.Own(Matrix.Empty(1, (long)pass.shape.Rows * pass.shape.Heads));

        public Matrix AttentionGate { get; } = pass.Own(Matrix.Empty(pass.shape.Rows, pass.shape.Heads));

        public Matrix ValueGate { get; } = pass.Own(Matrix.Empty(pass.shape.Rows, pass.shape.Heads));
    }
}
