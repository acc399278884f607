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
    private readonly BlockPass blocks;
    private readonly List<LayerVisit> visits = [];
    private readonly List<Activations> kept = [];
    private readonly OwnedMatrices all = new();
    private readonly Matrix x0;
    private readonly Matrix x0By;
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
            blocks = new BlockPass(model, rotary, shape);
            x0 = Stream();
            x0By = Own(Matrix.Empty(1, shape.Rows));
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
                var block = weights.Blocks[layer];
                blocks.Forward(block, saved, visit.Stream, Value(block, layer), Settings(pass, layer, visited - 1));
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
        blocks?.Dispose();
        foreach (var visit in visits)
        {
            visit.Dispose();
        }

        kept.ForEach(activations => activations.Dispose());
        all.Dispose();
    }

    /// <summary>The value embedding of a layer, shared by all its visits; null: it has none.</summary>
    private Matrix? Value(FusedBlock weights, int layer)
    {
        if (weights.ValueProjection is not { } projection)
        {
            return null;
        }

        var value = values[layer] ??= Stream();
        if (!valued[layer])
        {
            Matrix.ProductTransposed(value, x0, projection);
            valued[layer] = true;
        }

        return value;
    }

    private BlockSettings Settings(ForwardPass pass, int layer, int visit) =>
        BlockSettings.Of(pass, pass.Windows.At(model, layer), 2 * visit);

    private MixScalars Scalars(FusedWeights weights, int layer)
    {
        var half = model.Layers / 2;
        return new MixScalars(
            weights.ResidualLambdas.Data[layer],
            weights.X0Lambdas.Data[layer],
            layer >= half ? weights.SkipWeights.Data[layer - half] : 0
        );
    }

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

    private Matrix Stream() => Own(Matrix.Empty(shape.Rows, shape.Channels));

    private Matrix Own(Matrix matrix) => all.Add(matrix);
}
