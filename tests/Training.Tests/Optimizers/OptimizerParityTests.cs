using Slowrun.Core.Recipes;
using Slowrun.Training.Numerics;
using static TorchSharp.torch;

namespace Slowrun.Training.Tests.Optimizers;

/// <summary>Family E against upstream, step by step.</summary>
public sealed class OptimizerParityTests
{
    [Theory]
    [InlineData("rec9", false)]
    [InlineData("head", false)]
    [InlineData("rec9", true)]
    [InlineData("head", true)]
    public void Step_InFloat32_GivesUpstreamsExactParameters(string form, bool fused)
    {
        using var scope = NewDisposeScope();
        using var fixture = new OptimizerFixture(form, OrthogonalizationPrecision.F32, fused ? StepPath.Fused : StepPath.Composed);
        for (var step = 1; step <= fixture.Steps; step++)
        {
            fixture.Step(step);
            foreach (var name in fixture.MuonNames.Concat(fixture.AdamWNames))
            {
                var error = (fixture.Parameters[name] - fixture.Expected("exact", step, name)).abs().max().item<float>();
                Assert.True(error <= 1e-6, $"'{name}' is off by {error} after step {step}.");
            }
        }
    }

    [Theory]
    [InlineData("rec9", false)]
    [InlineData("head", false)]
    [InlineData("rec9", true)]
    [InlineData("head", true)]
    public void State_AfterTheLastStep_IsUpstreams(string form, bool fused)
    {
        using var scope = NewDisposeScope();
        using var fixture = new OptimizerFixture(form, OrthogonalizationPrecision.F32, fused ? StepPath.Fused : StepPath.Composed);
        for (var step = 1; step <= fixture.Steps; step++)
        {
            fixture.Step(step);
        }

        var checkedNumbers = 0L;
        foreach (var (name, expected) in fixture.ExpectedState())
        {
            var error = (fixture.State(name) - expected).abs().max().item<float>();
            Assert.True(error <= 1e-6, $"'{name}' is off by {error}.");
            checkedNumbers += expected.numel();
        }

        // The gaps between groups hold no moment.
        var numbers = fixture.Optimizer.State.Where(piece => piece.Name != "optimizer/steps").Sum(piece => piece.Tensor.numel());
        Assert.InRange(checkedNumbers, numbers - (16 * 2 * fixture.Groups.Count), numbers);
    }

    // Only Muon's tensors, and never one number by itself: the cautious mask flips where an update is nearly 0. The update of all
    // steps together, because the fixtures at hand hold the last step's values under every step of the bfloat16 variants.
    [Theory]
    [InlineData("rec9", "bf16_ns", 0.1)]
    [InlineData("head", "bf16_ns", 0.1)]
    [InlineData("rec9", "bf16_eager", 0.1)]
    [InlineData("head", "bf16_eager", 0.1)]
    public void Step_InBFloat16_StaysCloseToUpstreamsRounding(string form, string variant, double tolerance)
    {
        using var scope = NewDisposeScope();
        using var fixture = new OptimizerFixture(form, OrthogonalizationPrecision.BF16);
        for (var step = 1; step <= fixture.Steps; step++)
        {
            fixture.Step(step);
        }

        var update = Update(fixture, fixture.MuonNames.Select(name => fixture.Parameters[name]));
        var expected = Update(fixture, fixture.MuonNames.Select(name => fixture.Expected(variant, fixture.Steps, name)));
        var off = Length(update - expected) / Length(expected);
        Assert.True(off <= tolerance, $"The update is off by {off} of its length.");
    }

    [Theory]
    [InlineData("rec9")]
    [InlineData("head")]
    public void Step_InBFloat16_PointsWhereTheExactOneDoes(string form)
    {
        using var scope = NewDisposeScope();
        using var fixture = new OptimizerFixture(form, OrthogonalizationPrecision.BF16);
        fixture.Step(1);
        var update = Update(fixture, fixture.MuonNames.Select(name => fixture.Parameters[name]));
        var exact = Update(fixture, fixture.MuonNames.Select(name => fixture.Expected("exact", 1, name)));

        // Not nearer than bfloat16 can be: else it was not used.
        Assert.InRange(Length(update - exact) / Length(exact), 0.01, 0.3);
        Assert.InRange((update * exact).sum().item<float>() / (Length(update) * Length(exact)), 0.96, 1);
    }

    private static Tensor Update(OptimizerFixture fixture, IEnumerable<Tensor> after) =>
        cat([.. after.Zip(fixture.MuonNames, (p, name) => (p - fixture.Initial(name)).flatten())]);

    private static double Length(Tensor x) => x.norm().item<float>();
}
