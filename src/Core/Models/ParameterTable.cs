using System.Globalization;
using Slowrun.Core.Recipes;

namespace Slowrun.Core.Models;

/// <summary>Names, shapes and roles of a model's parameters, in upstream's registration order (the order in which noise is
/// drawn).</summary>
public static class ParameterTable
{
    /// <summary>Channels of the normalised input that the value gates read.</summary>
    public const int ValueGateChannels = 32;

    /// <summary>Channels of the normalised input that the attention gates read.</summary>
    public const int AttentionGateChannels = 12;

    /// <summary>Under the root mean square in every norm: machine epsilon of float32, torch's default for rms_norm; upstream's choice for
    /// every width.</summary>
    public const double RmsNormEpsilon = 1.1920928955078125e-7;

    /// <exception cref="ArgumentException">The recipe describes no model; the message names the field.</exception>
    public static IReadOnlyList<ParameterSpec> Of(ModelRecipe model)
    {
        ArgumentNullException.ThrowIfNull(model);
        if (ModelCheck.Problems(model).FirstOrDefault() is { } problem)
        {
            throw new ArgumentException(problem, nameof(model));
        }

        var table = new List<ParameterSpec>();
        long width = model.Width;
        long vocabulary = PaddedVocabSize(model);
        table.Add(new("resid_lambdas", [model.Layers], ParameterRole.ResidualLambda));
        table.Add(new("x0_lambdas", [model.Layers], ParameterRole.X0Lambda));
        table.Add(new("skip_weights", [model.Layers / 2], ParameterRole.SkipWeight));
        if (model.Xsa is { Strength: XsaStrength.Learnable })
        {
            table.Add(new("xsa_alphas", [model.Layers, model.Heads], ParameterRole.XsaAlpha));
        }

        if (model.SharedBlocks is { } shared)
        {
            AddSharedBlocks(table, model, shared);
        }

        table.Add(
            new("transformer.wte.weight", [vocabulary, width], ParameterRole.Embedding) { Rounded = model.Products == MatrixPrecision.BF16 }
        );
        for (var layer = 0; layer < model.Layers; layer++)
        {
            if (model.SharedBlocks is { } blocks)
            {
                AddLayer(table, model, blocks, layer);
            }
            else
            {
                AddBlock(table, model, Name(layer), HasValueEmbedding(model, layer));
            }
        }

        table.Add(
            new("lm_head.weight", model.TransposedUnembedding ? [width, vocabulary] : [vocabulary, width], ParameterRole.Unembedding)
        );
        for (var layer = 0; layer < model.Layers; layer++)
        {
            if (HasValueEmbedding(model, layer))
            {
                table.Add(new(ValueProjection(layer), [width, width], ParameterRole.InputMatrix) { Layer = LayerOf(model, layer) });
            }
        }

        if (model.MtpBlock)
        {
            table.Add(new("mtp_proj.weight", [width, 2 * width], ParameterRole.InputMatrix));
            AddBlock(table, model, MtpBlock, hasValueGate: false);
        }

        return table;
    }

    /// <summary>How many numbers the model learns, padding of the vocabulary included.</summary>
    public static long Count(ModelRecipe model) => Of(model).Sum(parameter => parameter.Count);

    /// <summary>Name prefix of the block that predicts further ahead.</summary>
    public const string MtpBlock = "mtp_block";

    /// <summary>Name prefix of a layer's parameters.</summary>
    public static string Name(int layer) => string.Create(CultureInfo.InvariantCulture, $"transformer.h.{layer}");

    /// <summary>Name of the matrix that makes a layer's value embedding out of the embedded input.</summary>
    public static string ValueProjection(int layer) => string.Create(CultureInfo.InvariantCulture, $"ve_projs.{layer}.weight");

    /// <summary>Every second layer has one, the last always.</summary>
    public static bool HasValueEmbedding(ModelRecipe model, int layer)
    {
        ArgumentNullException.ThrowIfNull(model);
        return layer % 2 == (model.Layers - 1) % 2;
    }

    public static int PaddedVocabSize(ModelRecipe model)
    {
        ArgumentNullException.ThrowIfNull(model);
        return (model.VocabSize + model.PadVocabTo - 1) / model.PadVocabTo * model.PadVocabTo;
    }

    /// <summary>Width of the SwiGLU layer (arXiv:2002.05202): 8C/3, rounded up to a multiple of 256; of shared blocks what they
    /// say.</summary>
    public static int HiddenWidth(ModelRecipe model)
    {
        ArgumentNullException.ThrowIfNull(model);
        return model.SharedBlocks is { } shared
            ? checked(shared.HiddenMultiple * model.Width)
            : 256 * (((8 * model.Width / 3) + 255) / 256);
    }

    /// <summary>Attentions of a layer, one behind the other.</summary>
    public static int Attentions(ModelRecipe model)
    {
        ArgumentNullException.ThrowIfNull(model);
        return model.SharedBlocks?.Attentions ?? 1;
    }

    /// <summary>Name prefix of an attention that half of the layers share.</summary>
    /// <param name="layer">One of them.</param>
    public static string SharedAttention(ModelRecipe model, int layer, int attention) =>
        string.Create(CultureInfo.InvariantCulture, $"{Half(model, layer)}_attns.{attention}");

    /// <summary>Name prefix of the MLP that half of the layers share.</summary>
    /// <param name="layer">One of them.</param>
    public static string SharedMlp(ModelRecipe model, int layer) => $"{Half(model, layer)}_mlp";

    private static string Half(ModelRecipe model, int layer) => layer < model.Layers / 2 ? "encoder" : "decoder";

    private static int? LayerOf(ModelRecipe model, int layer) => model.SharedBlocks is null ? null : layer;

    /// <summary>The attentions of both halves, then their MLPs.</summary>
    private static void AddSharedBlocks(List<ParameterSpec> table, ModelRecipe model, SharedBlocksRecipe shared)
    {
        int[] halves = [0, model.Layers - 1];
        foreach (var layer in halves)
        {
            for (var attention = 0; attention < shared.Attentions; attention++)
            {
                var prefix = SharedAttention(model, layer, attention);
                AddHeadMixes(table, model, prefix);
                AddAttention(table, model, prefix);
            }
        }

        foreach (var layer in halves)
        {
            AddMlp(table, model, SharedMlp(model, layer));
        }
    }

    /// <summary>What a layer has beside the block that it shares.</summary>
    private static void AddLayer(List<ParameterSpec> table, ModelRecipe model, SharedBlocksRecipe shared, int layer)
    {
        long width = model.Width,
            heads = model.Heads;
        var prefix = Name(layer);
        Norms("attn_norms", width);
        Norm($"{prefix}.mlp_norm", width);
        Norms("q_norms", width / heads);
        Norms("k_norms", width / heads);
        if (HasValueEmbedding(model, layer))
        {
            Gates("ve_gates", ValueGateChannels, ParameterRole.ValueGate);
        }

        Gates("attn_gates", AttentionGateChannels, ParameterRole.AttentionGate);

        void Norms(string name, long size)
        {
            for (var attention = 0; attention < shared.Attentions; attention++)
            {
                Norm(string.Create(CultureInfo.InvariantCulture, $"{prefix}.{name}.{attention}"), size);
            }
        }

        void Norm(string name, long size)
        {
            table.Add(new($"{name}.weight", [size], ParameterRole.NormGain) { Layer = layer });
            table.Add(new($"{name}.bias", [size], ParameterRole.NormBias) { Layer = layer });
        }

        void Gates(string name, long channels, ParameterRole role)
        {
            for (var attention = 0; attention < shared.Attentions; attention++)
            {
                var gate = string.Create(CultureInfo.InvariantCulture, $"{prefix}.{name}.{attention}.weight");
                table.Add(new(gate, [heads, channels], role) { Layer = layer });
            }
        }
    }

    private static void AddBlock(List<ParameterSpec> table, ModelRecipe model, string prefix, bool hasValueGate)
    {
        long heads = model.Heads;
        AddHeadMixes(table, model, $"{prefix}.attn");
        AddAttention(table, model, $"{prefix}.attn");
        if (hasValueGate)
        {
            table.Add(new($"{prefix}.attn.ve_gate.weight", [heads, ValueGateChannels], ParameterRole.ValueGate));
        }

        table.Add(new($"{prefix}.attn.attn_gate.weight", [heads, AttentionGateChannels], ParameterRole.AttentionGate));
        AddMlp(table, model, $"{prefix}.mlp");
    }

    private static void AddHeadMixes(List<ParameterSpec> table, ModelRecipe model, string prefix)
    {
        long heads = model.Heads;
        if (model.HeadMixing)
        {
            table.Add(new($"{prefix}.q_mix", [heads, heads], ParameterRole.HeadMix));
            table.Add(new($"{prefix}.k_mix", [heads, heads], ParameterRole.HeadMix));
            if (model.HeadMixingValues)
            {
                table.Add(new($"{prefix}.v_mix", [heads, heads], ParameterRole.HeadMix));
            }
        }
    }

    private static void AddAttention(List<ParameterSpec> table, ModelRecipe model, string prefix)
    {
        long width = model.Width;
        table.Add(new($"{prefix}.c_q.weight", [width, width], ParameterRole.InputMatrix));
        table.Add(new($"{prefix}.c_k.weight", [width, width], ParameterRole.InputMatrix));
        table.Add(new($"{prefix}.c_v.weight", [width, width], ParameterRole.InputMatrix));
        table.Add(new($"{prefix}.c_proj.weight", [width, width], ParameterRole.OutputMatrix));
    }

    private static void AddMlp(List<ParameterSpec> table, ModelRecipe model, string prefix)
    {
        long width = model.Width,
            hidden = HiddenWidth(model);
        table.Add(new($"{prefix}.c_gate.weight", [hidden, width], ParameterRole.InputMatrix));
        table.Add(new($"{prefix}.c_fc.weight", [hidden, width], ParameterRole.InputMatrix));
        table.Add(new($"{prefix}.c_proj.weight", [width, hidden], ParameterRole.OutputMatrix));
    }
}
