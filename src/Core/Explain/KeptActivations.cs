using Slowrun.Core.Models;
using Slowrun.Core.Recipes;

namespace Slowrun.Core.Explain;

/// <summary>
/// Bytes that autograd keeps of one micro-batch until its backward pass, counted operation by operation in the engine's code (what a kernel
/// saves, not what it computes). The stream is float32; inputs of products are in the products' precision.
/// </summary>
internal static class KeptActivations
{
    /// <summary>Tensors of a chunk of logits that are alive at once: the capped logits, their logarithms, both gradients, and two
    /// intermediate results.</summary>
    private const long ChunkTensors = 6;

    /// <param name="blocks">Applications of a layer whose activations are kept.</param>
    /// <param name="taught">Whether a teacher's logits are in memory beside the model's.</param>
    public static long Bytes(ModelRecipe model, StageRecipe stage, long blocks, bool taught)
    {
        var tokens = (long)stage.DeviceRows * model.SequenceLength;
        long width = model.Width,
            kept = BlockBytes(model, stage);
        var further = model.MtpBlock && stage.MtpWeight != 0 ? 1 : 0;
        var block = (tokens * kept) + WeightBytes(model);
        var network = stage.Recompute
            // The two inputs of each block, and of each decoder block the sum with the skip.
            ? (blocks * tokens * width * sizeof(float) * (3 + (2 * ParameterTable.Attentions(model))) / 2)
                + (further * tokens * width * sizeof(float))
            : (blocks + further) * block;
        // The hidden states before and behind the last norm, with their gradient.
        var ends = tokens * sizeof(float) * ((3 + (further * 5)) * width);
        // Gradients of the block that the backward pass has reached. Where activations are computed again, that block has all of them. The
        // logits are freed by then.
        var passing = (tokens * sizeof(float) * ((6 * width) + (3L * ParameterTable.HiddenWidth(model)))) + (stage.Recompute ? block : 0);
        return network + ends + Math.Max(passing, HeadBytes(model, tokens, taught));
    }

    /// <summary>Per token. Half of the layers have a value embedding, and half are decoders that add a skip.</summary>
    private static long BlockBytes(ModelRecipe model, StageRecipe stage)
    {
        long width = model.Width,
            hidden = ParameterTable.HiddenWidth(model);
        var masks =
            Math.Max(stage.Dropout, stage.DropoutSchedule?.End ?? 0) > 0
                ? stage.MlpDropout
                    ? 2
                    : 1
                : 0;
        if (model.SharedBlocks is { Attentions: var attentions })
        {
            // A layer's parts as below, each attention and the MLP by itself; every norm keeps its result before the gain, too.
            var (behindAttention, behindMlp) = (masks > 0 ? width : 0, masks > 1 ? width : 0);
            return model.Products == MatrixPrecision.BF16
                ? (attentions * ((49 * width) + (4 * behindAttention))) + (10 * width) + (4 * behindMlp) + (14 * hidden)
                : 4 * ((attentions * ((15 * width) + behindAttention)) + (3 * width) + behindMlp + (4 * hidden));
        }

        // y before it, the value and its direction.
        var exclusive = model.Xsa is { } xsa ? 3 * Math.Min(xsa.FirstLayers ?? model.Layers, model.Layers) * width / model.Layers : 0;
        return model.Products == MatrixPrecision.BF16
            // Float32: the block's two inputs, skip (½), turned queries and keys (2), value embedding (½), attention's output, the stream
            // behind it. Rounded: two norms, queries, keys, values, output before and behind the gates, x0 (½).
            ? (4 * ((7 * width) + (masks * width) + exclusive + (3 * hidden))) + (15 * width) + (2 * hidden)
            // Nothing is rounded, so that norms are kept as they are; without a value embedding the value keeps the whole product alive.
            : 4 * ((14 * width) + (masks * width) + exclusive + (4 * hidden));
    }

    /// <summary>What a visit keeps of its layer's weights: rounded copies, or matrices in which heads are mixed.</summary>
    private static long WeightBytes(ModelRecipe model)
    {
        long width = model.Width;
        var numbers = (ParameterTable.Attentions(model) * 9 * width * width / 2) + (3 * width * ParameterTable.HiddenWidth(model));
        return model.Products == MatrixPrecision.BF16 ? 2 * numbers
            : model.HeadMixing ? ParameterTable.Attentions(model) * 4 * 3 * width * width
            : 0;
    }

    private static long HeadBytes(ModelRecipe model, long tokens, bool taught)
    {
        // As many rows as a GPU gets at once, which are more than a processor's.
        var chunk = Math.Min(tokens, LogitRows.AtOnce(model, gpu: true)) * model.VocabSize;
        var weights = (long)model.Width * model.VocabSize;
        // The rounded matrix, its gradient as the product gives it, and in float32 as it is added.
        return (chunk * sizeof(float) * (ChunkTensors + (taught ? 3 : 0)))
            + (model.Products == MatrixPrecision.BF16 ? 8 * weights : 4 * weights);
    }
}
