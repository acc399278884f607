using Slowrun.Training.Kernels;
using Slowrun.Training.Kernels.Cuda;
using TorchSharp;
using static Slowrun.Training.Tests.Kernels.Draws;
using static TorchSharp.torch;

namespace Slowrun.Training.Tests.Kernels.Cuda;

/// <summary>The optimizer's kernels for devices, as g++ compiles their text, against composed operations.</summary>
public sealed class UpdateKernelsTests : IDisposable
{
    private const double Near = 3e-6;

    private readonly DisposeScope scope = NewDisposeScope();

    public UpdateKernelsTests() =>
        Assert.SkipWhen(PlayedCuda.Path is null, "g++, which compiles the kernels for a processor, is not installed.");

    private static UpdateKernels Updates => new(PlayedCuda.Kernels(rounded: false));

    public static TheoryData<int> Seeds() => [.. Enumerable.Range(0, 8)];

    public void Dispose() => scope.Dispose();

    [Theory]
    [MemberData(nameof(Seeds))]
    public void Clip_OfAnyLength_GivesTheNormAndAtMostTheGivenOne(int seed)
    {
        using var draws = new Draws(seed);
        var x = draws.Normal(draws.Size(1, 257, 5000, 70_001));
        var limit = draws.Size(0, 1, 1000);
        var expected = x.norm().ToDouble();
        var factor = limit == 0 ? 1 : Math.Min(1, limit / (expected + 1e-6));
        var (given, damaged) = (x.clone(), draws.Damaged(x));

        var norm = Clipped(x, limit);

        Assert.Equal(expected, norm.ToDouble(), 1e-5 * expected);
        Close.RelativeL2(given.mul(factor), x, 1e-6, "clipped");

        Assert.False(double.IsFinite(Clipped(damaged, 1).ToDouble()));
        Assert.False(damaged.isfinite().all().ToBoolean());
    }

    [Theory]
    [MemberData(nameof(Seeds))]
    public void AdamW_OfAnyLength_StepsAsComposed(int seed)
    {
        using var draws = new Draws(seed);
        var count = draws.Size(1, 255, 5000);
        var (p, g, m, v) = (draws.Normal(count), draws.Normal(count), draws.Normal(count), draws.Normal(count).abs());
        if (seed % 2 == 1)
        {
            g = draws.Damaged(g);
        }

        Tensor[] found = [p.clone(), m.clone(), v.clone()];
        m.mul_(0.9).add_(g, 0.1);
        v.mul_(0.95).addcmul_(g, g, 0.05);
        p.mul_(0.99).addcdiv_(m, v.sqrt().mul_(1.3).add_(1e-8), -0.02);

        Updates.AdamW(found[0], g, found[1], found[2], new AdamWScalars(0.99f, 0.9f, 0.1f, 0.95f, 0.05f, 1.3f, 1e-8f, 0.02f));

        AssertSameDamage(p, found[0], "parameters");
        AssertSameDamage(m, found[1], "first moments");
        AssertSameDamage(v, found[2], "second moments");
    }

    [Theory]
    [MemberData(nameof(Seeds))]
    public void NormalizedStep_OfAnyMatrices_StepsAsComposed(int seed)
    {
        using var draws = new Draws(seed);
        var (n, rows, columns) = (draws.Size(1, 3), draws.Size(1, 6, 300), draws.Size(1, 6, 300));
        var tall = rows >= columns;
        var (p, g, m) = (draws.Normal(n, rows, columns), draws.Normal(n, rows, columns), draws.Normal(n, rows, columns));
        var second = draws.Normal(n, tall ? rows : 1, tall ? 1 : columns).abs();
        Tensor[] found = [p.clone(), m.clone(), second.clone()];
        m.mul_(0.95).add_(g, 0.05);
        var x = g.mul(0.05).add_(m, 0.95);
        x.div_(x.norm(-1, keepdim: true).clamp_min_(1e-7));
        var averaged = tall ? columns : rows;
        var meanSquare = x.pow(2).mean([tall ? -1L : -2L], keepdim: true);
        second.mul_(0.9).add_(meanSquare, 0.1);
        var scale = second.clamp_min(1e-10).rsqrt_();
        var before = meanSquare.sum([-2L, -1L], keepdim: true).mul_(averaged).sqrt_();
        var after = scale.pow(2).mul_(meanSquare).sum([-2L, -1L], keepdim: true).mul_(averaged).sqrt_().clamp_min_(1e-10);
        x.mul_(scale.mul_(before.div_(after)));
        var decayed = p.mul(x.mul(p).ge(0));
        p.add_(x, -0.02).add_(decayed, -0.001);

        var u = Updates.Momentum(g, found[1], 0.95f, 0.05f);
        Updates.NormalizeRows(u);
        Updates.NormalizedStep(found[0], u, found[2], new MuonScalars(0.9f, 0.1f, 0.02f, 0.001f));

        Close.RelativeL2(m, found[1], Near, "momentum");
        Close.RelativeL2(second, found[2], Near, "second moments");
        Close.RelativeL2(p, found[0], Near, "parameters");

        var damaged = draws.Damaged(u);
        Updates.NormalizedStep(found[0], damaged, found[2], new MuonScalars(0.9f, 0.1f, 0.02f, 0.001f));
        Assert.False(found[0].isfinite().all().ToBoolean());
    }

    /// <summary>The norm before.</summary>
    private static Tensor Clipped(Tensor x, double limit)
    {
        var squares = Updates.Added(Updates.SquareSums(x));
        if (limit > 0)
        {
            Updates.Clip(x, squares, limit);
        }

        return squares.sqrt();
    }
}
