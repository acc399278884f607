using Slowrun.Core.Models;
using static TorchSharp.torch;

namespace Slowrun.Training.Parameters;

/// <summary>The gradient of one device's part of the parameters, on that device.</summary>
/// <param name="sum">(Held.Length) float32. The caller disposes it.</param>
/// <param name="own">What the device updates, of the layout.</param>
/// <param name="held">What <paramref name="sum"/> has: those, widened to whole blocks, so that any block that begins in its own part is
/// there as a whole, and lies as it would in the whole gradient.</param>
internal sealed class ShardGradient(Tensor sum, FlatSelection own, FlatSelection held)
{
    public Tensor Sum => sum;

    public FlatSelection Own => own;

    public FlatSelection Held => held;

    /// <summary>All parameters on one device: the gradient itself.</summary>
    public static ShardGradient Whole(Tensor gradient)
    {
        var all = new FlatSelection([new FlatRange(0, gradient.numel())]);
        return new ShardGradient(gradient, all, all);
    }

    /// <summary>A view of a range of the layout that it holds.</summary>
    public Tensor Of(FlatRange range) => sum.narrow(0, held.PlaceOf(range.Start), range.Length);
}
