using Slowrun.Core.Models;
using Slowrun.Training.Models;

namespace Slowrun.Training.Kernels;

internal sealed unsafe partial class FusedGpt
{
    private Slopes? slopes;

    /// <summary>[n, C]: the gradient of <see cref="Hidden"/>; the caller writes it before <see cref="Backward"/>.</summary>
    public Matrix HiddenGradient => (slopes ??= new Slopes(this)).Hidden;

    /// <summary>Adds to the gradients of all weights.</summary>
    /// <param name="pass">The same as of the forward pass.</param>
    public void Backward(FusedWeights weights, FusedWeights gradients, ForwardPass pass)
    {
        var d = slopes ??= new Slopes(this);
        int n = shape.Rows,
            c = shape.Channels;
        new Span<float>(d.Stream.Data, n * c).Clear();
        new Span<float>(d.X0.Data, n * c).Clear();
        for (var layer = 0; layer < model.Layers; layer++)
        {
            if (valued[layer])
            {
                new Span<float>((d.Values[layer] ??= Stream()).Data, n * c).Clear();
            }
        }

        RowKernels.AddNormBack(d.Stream.Data, d.Hidden.Data, Hidden.Data, outputBy.Data, DropoutMask.None, null, n, c);
        for (var i = visited - 1; i >= 0; i--)
        {
            var visit = visits[i];
            if (visit.HasSkipGradient)
            {
                RowKernels.Add(d.Stream.Data, visit.SkipGradient!.Data, n * c);
            }

            if (visit.Kept)
            {
                BlockBack(weights.Blocks[visit.Layer], gradients.Blocks[visit.Layer], visit, pass, i, d);
            }

            var before = i == 0 ? x0 : visits[i - 1].Stream;
            var found = MixBack(weights, visit, before, d);
            gradients.ResidualLambdas.Data[visit.Layer] += (float)found.Lambda;
            gradients.X0Lambdas.Data[visit.Layer] += (float)found.Lambda0;
            if (visit.Skip is not null)
            {
                gradients.SkipWeights.Data[visit.Layer - (model.Layers / 2)] += (float)found.Skip;
            }
        }

        RowKernels.Add(d.X0.Data, d.Stream.Data, n * c);
        for (var layer = 0; layer < model.Layers; layer++)
        {
            if (valued[layer])
            {
                Matrix.AddTransposedProduct(gradients.Blocks[layer].ValueProjection!, d.Values[layer]!, x0);
                Matrix.Product(d.X0, d.Values[layer]!, weights.Blocks[layer].ValueProjection!, 1);
            }
        }

        RowKernels.EmbedBack(gradients.Embedding.Data, tokens, stride, shape.Length, d.X0.Data, x0.Data, x0By.Data, n, c);
    }

    private MixGradients MixBack(FusedWeights weights, LayerVisit visit, Matrix before, Slopes d)
    {
        var saved = visit.Activations;
        float* encoded = null,
            dEncoded = null;
        var add = false;
        if (visit.Skip is { } skip)
        {
            encoded = skip.Stream.Data;
            dEncoded = (skip.SkipGradient ??= Matrix.Empty(shape.Rows, shape.Channels)).Data;
            (add, skip.HasSkipGradient) = (skip.HasSkipGradient, true);
        }

        return RowKernels.MixBack(
            d.Stream.Data,
            visit.Kept ? d.Normalised.Data : null,
            saved.Normalised.Data,
            saved.NormalisedBy.Data,
            before.Data,
            encoded,
            x0.Data,
            Scalars(weights, visit.Layer),
            d.X0.Data,
            dEncoded,
            add,
            shape.Rows,
            shape.Channels
        );
    }

    private void BlockBack(FusedBlock weights, FusedBlock gradients, LayerVisit visit, ForwardPass pass, int index, Slopes d)
    {
        int n = shape.Rows,
            c = shape.Channels;
        var saved = visit.Activations;
        RowKernels.AddNormBack(d.Stream.Data, null, null, null, Mask(pass, index, mlp: true), branch.Data, n, c);
        Matrix.Product(inner, branch, weights.MlpOutput);
        RowKernels.SwiGluBack(saved.Gates.Data, inner.Data, d.Gates.Data, n, hidden);
        Matrix.AddTransposedProduct(gradients.MlpOutput, branch, inner);
        Matrix.AddTransposedProduct(gradients.MlpInput, d.Gates, saved.MlpNormalised);
        Matrix.Product(d.Normalised, d.Gates, weights.MlpInput);
        RowKernels.AddNormBack(
            d.Stream.Data,
            d.Normalised.Data,
            saved.MlpNormalised.Data,
            saved.MlpNormalisedBy.Data,
            Mask(pass, index, mlp: false),
            branch.Data,
            n,
            c
        );
        Matrix.AddTransposedProduct(gradients.AttentionOutput, branch, saved.Attended);
        Matrix.Product(d.Attended, branch, weights.AttentionOutput);
        AttentionBack(visit, pass, d);

        var (attentionInput, valueInput) = (ParameterTable.AttentionGateChannels, ParameterTable.ValueGateChannels);
        Matrix.AddTransposedProduct(gradients.QueryKeyValue, qkv, saved.Normalised);
        Matrix.AddTransposedProduct(gradients.AttentionGate, d.AttentionGate, saved.Normalised.Columns(attentionInput));
        Matrix.Product(d.Normalised, qkv, weights.QueryKeyValue);
        Matrix.Product(d.Normalised.Columns(attentionInput), d.AttentionGate, weights.AttentionGate, 1);
        if (weights.ValueGate is { } gate)
        {
            Matrix.AddTransposedProduct(gradients.ValueGate!, d.ValueGate, saved.Normalised.Columns(valueInput));
            Matrix.Product(d.Normalised.Columns(valueInput), d.ValueGate, gate, 1);
        }
    }

    /// <summary>Backward pass of attention: from the gradient of the gated output to that of the packed queries, keys and values.</summary>
    private void AttentionBack(LayerVisit visit, ForwardPass pass, Slopes d)
    {
        var saved = visit.Activations;
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
            pass.Windows.At(model, visit.Layer)
        );
        var hasValue = d.Values[visit.Layer] is not null;
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
            hasValue ? values[visit.Layer]!.Data : null,
            saved.ValueGate.Data,
            qkv.Data,
            hasValue ? d.Values[visit.Layer]!.Data : null,
            d.ValueGate.Data,
            shape
        );
    }

    /// <summary>Intermediate gradients; allocated by the first backward pass.</summary>
    private sealed class Slopes(FusedGpt gpt)
    {
        public Matrix Hidden { get; } = gpt.Stream();

        public Matrix Stream { get; } = gpt.Stream();

        public Matrix X0 { get; } = gpt.Stream();

        public Matrix Normalised { get; } = gpt.Stream();

        public Matrix Attended { get; } = gpt.Stream();

        public Matrix Gates { get; } = gpt.Own(Matrix.Empty(gpt.shape.Rows, 2L * gpt.hidden));

        public Matrix Output { get; } = gpt.Own(Matrix.Empty(1, gpt.shape.Packed));

        public Matrix Queries { get; } = gpt.Own(Matrix.Empty(1, gpt.shape.Packed));

        public Matrix Keys { get; } = gpt.Own(Matrix.Empty(1, gpt.shape.Packed));

        public Matrix HeadValues { get; } = gpt.Own(Matrix.Empty(1, gpt.shape.Packed));

        public Matrix Along { get; } = gpt.Own(Matrix.Empty(1, (long)gpt.shape.Rows * gpt.shape.Heads));

        public Matrix AttentionGate { get; } = gpt.Own(Matrix.Empty(gpt.shape.Rows, gpt.shape.Heads));

        public Matrix ValueGate { get; } = gpt.Own(Matrix.Empty(gpt.shape.Rows, gpt.shape.Heads));

        /// <summary>The gradient of each layer's value embedding, summed over its visits.</summary>
        public Matrix?[] Values { get; } = new Matrix?[gpt.model.Layers];
    }
}
