using Slowrun.Training.Kernels;
using TorchSharp;
using static TorchSharp.torch;

namespace Slowrun.Training.Tests.Kernels;

/// <summary>Seeded tensors of seeded shapes, and what becomes of them.</summary>
internal sealed class Draws(int seed) : IDisposable
{
    private readonly Generator generator = new((ulong)seed + 1, CPU);
    private readonly Random random = new(seed);

    /// <summary>Sizes below, at and above whole vectors.</summary>
    public int Size(params ReadOnlySpan<int> sizes) => sizes[random.Next(sizes.Length)];

    public Tensor Normal(params ReadOnlySpan<long> shape) => empty(shape.ToArray()).normal_(0, 1, generator);

    /// <summary>The same with a NaN or an infinity somewhere.</summary>
    public Tensor Damaged(Tensor numbers)
    {
        var damaged = numbers.clone();
        float[] odd = [float.NaN, float.PositiveInfinity, float.NegativeInfinity];
        damaged.view(-1)[random.NextInt64(damaged.numel())] = tensor(odd[random.Next(3)]);
        return damaged;
    }

    /// <summary>Finite where the other is, and near it there.</summary>
    public static void AssertSameDamage(Tensor expected, Tensor actual, string what)
    {
        var (there, here) = (expected.isfinite(), actual.isfinite());
        Assert.True(there.eq(here).all().ToBoolean(), $"{what}: other numbers are finite than in the composed operations.");
        Close.Max(expected.where(there, zeros([])), actual.where(here, zeros([])), 1e-4, what);
    }

    public static unsafe float* At(Tensor tensor) => Matrix.Address(tensor);

    public void Dispose() => generator.Dispose();
}
