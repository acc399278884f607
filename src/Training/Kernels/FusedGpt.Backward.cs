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
                var layer = visit.Layer;
                blocks.Backward(
                    weights.Blocks[layer],
                    gradients.Blocks[layer],
                    visit.Activations,
                    d.Stream,
                    valued[layer] ? values[layer] : null,
                    d.Values[layer],
                    Settings(pass, layer, i)
                );
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
            visit.Kept ? blocks.NormalisedGradient.Data : null,
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

    /// <summary>Intermediate gradients; allocated by the first backward pass.</summary>
    private sealed class Slopes(FusedGpt gpt)
    {
        public Matrix Hidden { get; } = gpt.Stream();

        public Matrix Stream { get; } = gpt.Stream();

        public Matrix X0 { get; } = gpt.Stream();

        /// <summary>The gradient of each layer's value embedding, summed over its visits.</summary>
        public Matrix?[] Values { get; } = new Matrix?[gpt.model.Layers];
    }
}
