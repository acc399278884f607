using Slowrun.Core.Models;
using Slowrun.Core.Recipes;

namespace Slowrun.Core.Explain;

/// <summary>
/// Floating-point operations of matrix products in one forward pass, per token: two for each weight that a token meets (arXiv:2001.08361)
/// and 4·C for each key that a query sees (arXiv:2204.02311, appendix B; here only keys within window and past are counted). What is
/// done number by number (norms, gates' sigmoids, softmax, softcap) is left out, as there.
/// </summary>
internal static class PassFlops
{
    /// <summary>All layers in the order of their visits; a value projection is applied at every visit of its layer, for each of its
    /// attentions.</summary>
    /// <param name="layers">That take part.</param>
    public static double Network(ModelRecipe model, AttentionWindows windows, LoopRecipe? loop, int layers) =>
        LayerVisits
            .Of(model.Layers, loop, layers)
            .Sum(layer => Block(model, windows.At(model, layer), ParameterTable.HasValueEmbedding(model, layer)));

    public static double Unembedding(ModelRecipe model) => 2.0 * model.Width * model.VocabSize;

    /// <summary>The block that predicts one token further ahead, with its projection and its own logits.</summary>
    public static double MtpBlock(ModelRecipe model) =>
        model.MtpBlock ? (4.0 * model.Width * model.Width) + Block(model, model.SequenceLength, hasValue: false) + Unembedding(model) : 0;

    /// <summary>Keys that a query sees on average over a row: itself and up to a window of keys before it.</summary>
    public static double Keys(int window, int sequenceLength)
    {
        // The first queries of a row have fewer keys than the window is wide.
        double full = Math.Max(0, sequenceLength - 1 - window),
            growing = sequenceLength - full;
        return ((growing * (growing + 1) / 2) + (full * (window + 1.0))) / sequenceLength;
    }

    private static double Block(ModelRecipe model, int window, bool hasValue)
    {
        double width = model.Width;
        var attention =
            (4 * width * width)
            + (model.Heads * ParameterTable.AttentionGateChannels)
            + (hasValue ? (width * width) + (model.Heads * ParameterTable.ValueGateChannels) : 0);
        double attentions = ParameterTable.Attentions(model);
        var weights = (attentions * attention) + (3 * width * ParameterTable.HiddenWidth(model));
        return (2 * weights) + (attentions * 4 * width * Keys(window, model.SequenceLength));
    }
}
