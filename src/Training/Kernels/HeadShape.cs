namespace Slowrun.Training.Kernels;

/// <summary>The sizes of attention in a micro-batch.</summary>
/// <param name="Batch">Number of sequences.</param>
/// <param name="Length">Tokens of each sequence.</param>
/// <param name="Width">Width of a head; even.</param>
internal readonly record struct HeadShape(int Batch, int Length, int Heads, int Width)
{
    /// <summary>The width of a head in memory; the padding is 0.</summary>
    public int PaddedWidth => Simd.Padded(Width);

    public int Rows => Batch * Length;

    public int Channels => Heads * Width;

    /// <summary>The number of elements of all heads in memory, [B, H, T, padded d].</summary>
    public long Packed => (long)Batch * Heads * Length * PaddedWidth;
}
