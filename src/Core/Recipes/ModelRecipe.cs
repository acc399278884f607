using System.ComponentModel.DataAnnotations;

namespace Slowrun.Core.Recipes;

/// <summary>
/// The transformer: upstream's record 9 by default (value-embedding projections, gates, U-Net skips, lambdas, softcap, windows), with
/// what later records added as options. What changes no tensor's shape and only the training belongs to <see cref="StageRecipe"/>.
/// </summary>
public sealed record ModelRecipe
{
    /// <summary>Token ids in use; 257 for bytes (256 begins a document).</summary>
    [Range(257, 1_048_576, ErrorMessage = "bytes (0 to 255) and the token that begins a document")]
    public int VocabSize { get; init; } = 257;

    /// <summary>The embedding tables have a multiple of this many rows (upstream: 64); the logits beyond the vocabulary are cut
    /// off.</summary>
    [Range(1, 65_536)]
    public int PadVocabTo { get; init; } = 64;

    [Range(2, 65_536)]
    public int SequenceLength { get; init; } = 128;

    /// <summary>Even: the first half are the U-Net's encoder, the second its decoder.</summary>
    [Range(2, 1_024)]
    public int Layers { get; init; } = 6;

    [Range(1, 1_024)]
    public int Heads { get; init; } = 4;

    /// <summary>
    /// C, the residual stream's width; a multiple of <see cref="Heads"/>, with an even head dimension, and at least 32 (the value gates
    /// read that many channels).
    /// </summary>
    [Range(32, 65_536, ErrorMessage = "the gates read 32 channels")]
    public int Width { get; init; } = 64;

    /// <summary>One letter a layer, repeated: S short window, L long. The last layer is always L.</summary>
    public string WindowPattern { get; init; } = "SSSL";

    /// <summary>A query sees this many keys before its own. Null: half of <see cref="SequenceLength"/>.</summary>
    [Range(1, 65_536)]
    public int? ShortWindow { get; init; }

    /// <summary>Null: <see cref="SequenceLength"/>, that is everything before.</summary>
    [Range(1, 65_536)]
    public int? LongWindow { get; init; }

    /// <summary>Logits are cap·tanh(z/cap).</summary>
    [Range(0, double.PositiveInfinity, MinimumIsExclusive = true)]
    public double Softcap { get; init; } = 15;

    /// <summary>Precision of the rotary tables (arXiv:2104.09864). Upstream rounds them to bfloat16.</summary>
    public RopePrecision RopePrecision { get; init; } = RopePrecision.F32;

    /// <summary>Only the first quarter of the frequency pairs turn, the rest stand still (upstream's 15-minute record).</summary>
    public bool HalfRope { get; init; }

    /// <summary>The long window grows while the model is trained, and rotary positions with it (the 2-hour track). Null: they
    /// stay.</summary>
    public YarnRecipe? Yarn { get; init; }

    /// <summary>On long-window layers the second half of each key is that of the token before (upstream's 15-minute record).</summary>
    public bool KeyOffset { get; init; }

    /// <summary>Interleaved head attention, IHA: queries, keys and values are learnt mixtures over heads (upstream's record 11).</summary>
    public bool HeadMixing { get; init; }

    /// <summary>With <see cref="HeadMixing"/>: values are mixed too.</summary>
    public bool HeadMixingValues { get; init; } = true;

    /// <summary>Exclusive self-attention, XSA: takes from each head's output the part along its own value. Null: off.</summary>
    public XsaRecipe? Xsa { get; init; }

    /// <summary>
    /// A further block that predicts one token further ahead during training (multi-token prediction, arXiv:2404.19737; upstream's record
    /// 11). Its weight in the loss is <see cref="StageRecipe.MtpWeight"/>.
    /// </summary>
    public bool MtpBlock { get; init; }

    /// <summary>Layers are passes of two blocks whose weights they share (universal transformer). Null: each layer has its own.</summary>
    public SharedBlocksRecipe? SharedBlocks { get; init; }

    /// <summary>How fresh weights are drawn.</summary>
    public Initialization Initialization { get; init; } = Initialization.ZeroOutput;

    /// <summary>
    /// Precision of the matrix products and of attention. BF16 is upstream's, on GPU: weights, activations between products, gradients and
    /// moments stay float32, and each product's inputs are rounded; the embedding table and its moments hold bfloat16's numbers. On a
    /// processor it is slower than F32.
    /// </summary>
    public MatrixPrecision Products { get; init; } = MatrixPrecision.F32;

    /// <summary>The unembedding is stored [C, V] rather than [V, C] (upstream's 15-minute record).</summary>
    public bool TransposedUnembedding { get; init; }
}

public enum MatrixPrecision
{
    F32,
    BF16,
}

/// <summary>How finely the rotary tables are stored; they are used in float32 either way.</summary>
public enum RopePrecision
{
    F32,
    BF16,
}

/// <summary>Initial weights; in all of them wte N(0,1), lm_head N(0,0.001), other inputs U(±√(3/C)), gates 0, x0 lambdas 0.1, skips
/// 1.</summary>
public enum Initialization
{
    /// <summary>Output projections 0, residual lambdas 1 (record 9).</summary>
    ZeroOutput,

    /// <summary>Output projections N(0, 1/√C), residual lambdas 1 (record 11 on, and the 1-hour track).</summary>
    NormalOutput,

    /// <summary>Output projections 0, residual lambdas 1.1 (the 15-minute track).</summary>
    ZeroOutputBoosted,
}
