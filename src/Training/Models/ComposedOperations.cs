using Slowrun.Core.Recipes;
using Slowrun.Training.Numerics;
using TorchSharp;
using static TorchSharp.torch;

namespace Slowrun.Training.Models;

/// <summary>libtorch's operations, in float32 but for the products: what all others are held to.</summary>
internal sealed class ComposedOperations(MatrixPrecision products) : IBlockOperations
{
    private static readonly Scalar Two = Scalars.Of(2.0);
    private static readonly Scalar One = Scalars.Of(1.0);

    public Tensor Linear(Tensor x, Tensor weight) => Functional.Linear(x, weight, products);

    public Tensor Norm(Tensor x) => Functional.RmsNorm(x);

    public (Tensor X, Tensor? Normed) Mix(Tensor before, Tensor? encoded, Tensor x0, Tensor lambda, Tensor lambda0, Tensor? skip, bool norm)
    {
        var x = encoded is null ? before : before.addcmul(skip!, encoded, One);
        return (x.mul(lambda).addcmul(x0, lambda0, One), null);
    }

    public (Tensor X, Tensor? Normed) Add(Tensor x, Tensor branch, Dropout? dropout, int place, bool norm) =>
        (dropout is null ? x.add(branch, Scalars.One) : dropout.Add(x, branch, place), null);

    public Tensor SwiGlu(Tensor gates)
    {
        var halves = gates.chunk(2, 1);
        return halves[0].silu().mul(halves[1]);
    }

    public (Tensor Q, Tensor K, Tensor V) Split(
        Tensor qkv,
        RotaryTable rotary,
        long first,
        Tensor? embedded,
        Tensor? gate,
        long length,
        long heads
    )
    {
        long batch = qkv.shape[0] / length,
            width = qkv.shape[1] / 3 / heads;
        var parts = qkv.split([2 * heads * width, heads * width], 1);
        var qk = Functional.RmsNorm(rotary.Turn(parts[0].view(batch, length, 2 * heads, width), first));
        var v = parts[1].view(batch, length, heads, width);
        if (embedded is not null)
        {
            v = v.addcmul(gate!.sigmoid().view(batch, length, heads, 1), embedded.view(batch, length, heads, width), Two);
        }

        var halves = qk.split([heads, heads], 2);
        return (halves[0], halves[1], v);
    }

    public Tensor Open(Tensor y, Tensor gate)
    {
        var shape = y.shape;
        return y.mul(gate.sigmoid().view(shape[0], shape[1], shape[2], 1)).view(shape[0] * shape[1], shape[2] * shape[3]);
    }
}
