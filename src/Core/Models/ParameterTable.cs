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

        table.Add(
            new("transformer.wte.weight", [vocabulary, width], ParameterRole.Embedding) { Rounded = model.Products == MatrixPrecision.BF16 }
        );
        for (var layer = 0; layer < model.Layers; layer++)
        {
            AddBlock(table, model, Name(layer), HasValueEmbedding(model, layer));
        }

        table.Add(
            new("lm_head.weight", model.TransposedUnembedding ? [width, vocabulary] : [vocabulary, width], ParameterRole.Unembedding)
        );
        for (var layer = 0; layer < model.Layers; layer++)
        {
            if (HasValueEmbedding(model, layer))
            {
                table.Add(new(ValueProjection(layer), [width, width], ParameterRole.InputMatrix));
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

    /// <summary>Width of the SwiGLU layer (arXiv:2002.05202): 8C/3, rounded up to a multiple of 256.</summary>
    public static int HiddenWidth(ModelRecipe model)
    {
        ArgumentNullException.ThrowIfNull(model);
        return 256 * (((8 * model.Width / 3) + 255) / 256);
    }

    private static void AddBlock(List<ParameterSpec> table, ModelRecipe model, string prefix, bool hasValueGate)
    {
        long width = model.Width,
            heads = model.Heads,
            hidden = HiddenWidth(model);
        if (model.HeadMixing)
        {
            table.Add(new($"{prefix}.attn.q_mix", [heads, heads], ParameterRole.HeadMix));
            table.Add(new($"{prefix}.attn.k_mix", [heads, heads], ParameterRole.HeadMix));
            if (model.HeadMixingValues)
            {
                table.Add(new($"{prefix}.attn.v_mix", [heads, heads], ParameterRole.HeadMix));
            }
        }

        table.Add(new($"{prefix}.attn.c_q.weight", [width, width], ParameterRole.InputMatrix));
        table.Add(new($"{prefix}.attn.c_k.weight", [width, width], ParameterRole.InputMatrix));
        table.Add(new($"{prefix}.attn.c_v.weight", [width, width], ParameterRole.InputMatrix));
        table.Add(new($"{prefix}.attn.c_proj.weight", [width, width], ParameterRole.OutputMatrix));
        if (hasValueGate)
        {
            table.Add(new($"{prefix}.attn.ve_gate.weight", [heads, ValueGateChannels], ParameterRole.ValueGate));
        }

        table.Add(new($"{prefix}.attn.attn_gate.weight", [heads, AttentionGateChannels], ParameterRole.AttentionGate));
        table.Add(new($"{prefix}.mlp.c_gate.weight", [hidden, width], ParameterRole.InputMatrix));
        table.Add(new($"{prefix}.mlp.c_fc.weight", [hidden, width], ParameterRole.InputMatrix));
        table.Add(new($"{prefix}.mlp.c_proj.weight", [width, hidden], ParameterRole.OutputMatrix));
    }
}
