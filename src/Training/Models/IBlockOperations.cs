using static TorchSharp.torch;

namespace Slowrun.Training.Models;

/// <summary>
/// What the network does between its attention's scores and its losses: the seam at which a device's own kernels take the place of
/// libtorch's operations, with autograd either way. The residual stream is float32; what goes into products and comes out of them is of a
/// type that only these operations know.
/// </summary>
internal interface IBlockOperations
{
    /// <summary>x Wᵀ.</summary>
    Tensor Linear(Tensor x, Tensor weight);

    /// <summary>x over its root mean square, as products read it.</summary>
    /// <param name="x">[n, C] float32.</param>
    Tensor Norm(Tensor x);

    /// <summary>lambda (before + skip·encoded) + lambda0·x0, and its <see cref="Norm"/> where that costs less here than later.</summary>
    /// <param name="before">[n, C] float32, as encoded and x0.</param>
    /// <param name="encoded">Null: no skip.</param>
    /// <param name="norm">Whether the norm will be wanted.</param>
    (Tensor X, Tensor? Normed) Mix(Tensor before, Tensor? encoded, Tensor x0, Tensor lambda, Tensor lambda0, Tensor? skip, bool norm);

    /// <summary>x + drop(branch), and its <see cref="Norm"/> where that costs less here than later.</summary>
    /// <param name="branch">[n, C], a product.</param>
    /// <param name="dropout">Null: nothing is dropped.</param>
    /// <param name="place">Of the mask.</param>
    /// <param name="norm">Whether the norm will be wanted.</param>
    (Tensor X, Tensor? Normed) Add(Tensor x, Tensor branch, Dropout? dropout, int place, bool norm);

    /// <summary>silu(g)·f.</summary>
    /// <param name="gates">[n, 2·hidden], a product: g and f behind each other.</param>
    Tensor SwiGlu(Tensor gates);

    /// <summary>Queries and keys turned and normalised, values with their embedding behind its gate.</summary>
    /// <param name="qkv">[n, 3C], a product.</param>
    /// <param name="first">The first token's position.</param>
    /// <param name="embedded">[n, C], a product; null: none.</param>
    /// <param name="gate">[n, H], a product, before its sigmoid; null with it.</param>
    /// <returns>[B, T, H, d] each.</returns>
    (Tensor Q, Tensor K, Tensor V) Split(
        Tensor qkv,
        RotaryTable rotary,
        long first,
        Tensor? embedded,
        Tensor? gate,
        long length,
        long heads
    );

    /// <summary>σ(gate)·y of each head.</summary>
    /// <param name="y">[B, T, H, d].</param>
    /// <param name="gate">[n, H], a product.</param>
    /// <returns>[n, C].</returns>
    Tensor Open(Tensor y, Tensor gate);
}
