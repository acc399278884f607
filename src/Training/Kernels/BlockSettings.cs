using Slowrun.Training.Models;

namespace Slowrun.Training.Kernels;

/// <summary>How a block is passed this time.</summary>
/// <param name="Window">Tokens that attention sees, the own one among them.</param>
/// <param name="Attention">Of attention's branch.</param>
/// <param name="Mlp">Of the MLP's.</param>
internal readonly record struct BlockSettings(int Window, DropoutMask Attention, DropoutMask Mlp)
{
    /// <param name="place">Of attention's mask among the pass' masks; the MLP's is the next.</param>
    public static BlockSettings Of(ForwardPass pass, int window, int place) =>
        new(window, Mask(pass, place), pass.MlpDropout ? Mask(pass, place + 1) : DropoutMask.None);

    private static DropoutMask Mask(ForwardPass pass, int place) =>
        pass.Dropout is { } dropout ? DropoutMask.Of(dropout.KeyOf(place), dropout.Probability) : DropoutMask.None;
}
