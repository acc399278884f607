namespace Slowrun.Training.Kernels;

/// <summary>Sizes of a micro-batch's attention.</summary>
/// <param name="Batch">Sequences.</param>
/// <param name="Length">Tokens of each.</param>
/// <param name="Width">Of a head; even.</param>
internal readonly record struct HeadShape(int Batch, int Length, int Heads, int Width)
{
    /// <summary>Of a head in memory: the numbers behind its width are 0.</summary>
    public int PaddedWidth => Simd.Padded(Width);

    public int Rows => Batch * Length;

    public int Channels => Heads * Width;

    /// <summary>Numbers of all heads as they lie in memory, [B, H, T, padded d].</summary>
    public long Packed => (long)Batch * Heads * Length * PaddedWidth;
}
