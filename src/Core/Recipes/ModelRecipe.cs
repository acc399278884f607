namespace Slowrun.Core.Recipes;

/// <summary>The transformer of upstream's record 9 (value-embedding projections, gates, U-Net skips, lambdas, softcap, windows).</summary>
public sealed record ModelRecipe
{
    /// <summary>Token ids in use; 257 for bytes (256 begins a document).</summary>
    public int VocabSize { get; init; } = 257;

    public int SequenceLength { get; init; } = 128;

    /// <summary>Even: the first half are the U-Net's encoder, the second its decoder.</summary>
    public int Layers { get; init; } = 6;

    public int Heads { get; init; } = 4;

    /// <summary>C, the residual stream's width; a multiple of <see cref="Heads"/>, with an even head dimension.</summary>
    public int Width { get; init; } = 64;

    /// <summary>One letter a layer, repeated: S short window, L full. The last layer is always L.</summary>
    public string WindowPattern { get; init; } = "SSSL";

    /// <summary>Logits are cap·tanh(z/cap).</summary>
    public double Softcap { get; init; } = 15;
}
