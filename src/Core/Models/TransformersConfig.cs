using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Serialization;
using Slowrun.Core.Recipes;

namespace Slowrun.Core.Models;

/// <summary>
/// The <c>config.json</c> of a finished model for Hugging Face's transformers: every number that the forward pass of
/// <c>modeling_slowrun.py</c> reads, with defaults filled in, so that nothing of Slowrun is needed to pass the weights.
/// </summary>
public sealed record TransformersConfig
{
    private static readonly JsonSerializerOptions Options = new()
    {
        PropertyNamingPolicy = JsonNamingPolicy.SnakeCaseLower,
        Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping,
        WriteIndented = true,
    };

    public IReadOnlyList<string> Architectures { get; } = ["SlowrunForCausalLM"];

    public TransformersCode AutoMap { get; } = new("SlowrunConfig", "SlowrunForCausalLM");

    public string ModelType { get; } = "slowrun";

    /// <summary>What the weights are loaded as, in whatever type the file has them.</summary>
    public string TorchDtype { get; } = "float32";

    /// <summary>The token that begins every document, and so ends the one before.</summary>
    public required int BosTokenId { get; init; }

    public int EosTokenId => BosTokenId;

    public bool TieWordEmbeddings { get; }

    public bool UseCache { get; }

    public required int VocabSize { get; init; }

    /// <summary>Rows of the embedding tables; logits beyond <see cref="VocabSize"/> are cut off.</summary>
    public required int PaddedVocabSize { get; init; }

    public required int HiddenSize { get; init; }

    public required int IntermediateSize { get; init; }

    public required int NumHiddenLayers { get; init; }

    public required int NumAttentionHeads { get; init; }

    public required int MaxPositionEmbeddings { get; init; }

    public double RmsNormEps { get; } = ParameterTable.RmsNormEpsilon;

    public required double Softcap { get; init; }

    /// <summary>Layers in the order of a pass; looped ones come several times.</summary>
    public required IReadOnlyList<int> LayerOrder { get; init; }

    /// <summary>Passes of the whole network over its own normalised output; 0: one, without the norm after it.</summary>
    public required int RecurrentPasses { get; init; }

    /// <summary>Keys before its own that a query sees, by layer.</summary>
    public required IReadOnlyList<int> AttentionWindows { get; init; }

    public int AttentionGateChannels { get; } = ParameterTable.AttentionGateChannels;

    public required IReadOnlyList<int> ValueEmbeddingLayers { get; init; }

    public int ValueGateChannels { get; } = ParameterTable.ValueGateChannels;

    public required IReadOnlyList<int> KeyOffsetLayers { get; init; }

    /// <summary>Layers with exclusive self-attention.</summary>
    public required IReadOnlyList<int> XsaLayers { get; init; }

    /// <summary><c>learnable</c> or <c>fixed</c>; null: no layer has it.</summary>
    public required string? XsaStrength { get; init; }

    /// <summary>Of <c>q</c>, <c>k</c> and <c>v</c>, those that are learnt mixtures over heads.</summary>
    public required IReadOnlyList<string> MixedHeads { get; init; }

    public double RotaryBase { get; } = Models.RotaryFrequencies.Base;

    /// <summary>Pairs of a head's channels that turn; the others stand still.</summary>
    public required int RotaryPairs { get; init; }

    /// <summary>Of each pair in radians a token, where they are not powers of the base (YaRN); null: they are.</summary>
    public required IReadOnlyList<float>? RotaryFrequencies { get; init; }

    /// <summary>What attention's scores are multiplied by, beside 1/√d.</summary>
    public required double ScoreScale { get; init; }

    /// <summary>What the rotary tables are rounded to.</summary>
    public required string RotaryDtype { get; init; }

    /// <summary>What inputs and results of matrix products and of attention are rounded to.</summary>
    public required string ProductDtype { get; init; }

    /// <summary>Attentions of each of the two blocks that all layers share; 0: each layer has a block of its own.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingDefault)]
    public int SharedAttentions { get; init; }

    public required bool TransposedUnembedding { get; init; }

    /// <summary>Where the weights come from; the model does not read it.</summary>
    public TransformersOrigin? Slowrun { get; init; }

    /// <param name="stage">The finished stage: how its weights are passed.</param>
    /// <param name="documentStart">The token that begins a document.</param>
    public static TransformersConfig Of(ModelRecipe model, StageRecipe stage, int documentStart, TransformersOrigin? origin = null)
    {
        ArgumentNullException.ThrowIfNull(model);
        ArgumentNullException.ThrowIfNull(stage);
        var (layers, windows) = (Enumerable.Range(0, model.Layers).ToList(), Models.AttentionWindows.Of(model));
        return new TransformersConfig
        {
            BosTokenId = documentStart,
            VocabSize = model.VocabSize,
            PaddedVocabSize = ParameterTable.PaddedVocabSize(model),
            HiddenSize = model.Width,
            IntermediateSize = ParameterTable.HiddenWidth(model),
            NumHiddenLayers = model.Layers,
            NumAttentionHeads = model.Heads,
            MaxPositionEmbeddings = model.SequenceLength,
            Softcap = model.Softcap,
            LayerOrder = LayerVisits.Of(model.Layers, stage.Loop),
            RecurrentPasses = stage.Recurrence?.Passes ?? 0,
            AttentionWindows = [.. layers.Select(layer => windows.At(model, layer))],
            ValueEmbeddingLayers = [.. layers.Where(layer => ParameterTable.HasValueEmbedding(model, layer))],
            KeyOffsetLayers = [.. layers.Where(layer => model.KeyOffset && Models.AttentionWindows.IsLong(model, layer))],
            XsaLayers = model.Xsa is { } xsa ? [.. layers.Take(xsa.FirstLayers ?? model.Layers)] : [],
            XsaStrength = model.Xsa is { } strength ? (strength.Strength == Recipes.XsaStrength.Fixed ? "fixed" : "learnable") : null,
            MixedHeads =
                !model.HeadMixing ? []
                : model.HeadMixingValues ? ["q", "k", "v"]
                : ["q", "k"],
            RotaryPairs = Models.RotaryFrequencies.Turning(model),
            RotaryFrequencies = model.Yarn is null ? null : Models.RotaryFrequencies.Of(model, windows.Wide),
            ScoreScale = Models.RotaryFrequencies.ScoreScale(model, windows.Wide),
            RotaryDtype = model.RopePrecision == RopePrecision.BF16 ? "bfloat16" : "float32",
            ProductDtype = model.Products == MatrixPrecision.BF16 ? "bfloat16" : "float32",
            SharedAttentions = model.SharedBlocks?.Attentions ?? 0,
            TransposedUnembedding = model.TransposedUnembedding,
            Slowrun = origin,
        };
    }

    public string Json() => Json(this);

    /// <summary>As transformers writes its own: snake case, every field.</summary>
    public static string Json<T>(T value) => JsonSerializer.Serialize(value, Options) + "\n";

    public bool Equals(TransformersConfig? other) => ContentEquality.Same(this, other);

    public override int GetHashCode() => ContentEquality.Hash(this);
}
