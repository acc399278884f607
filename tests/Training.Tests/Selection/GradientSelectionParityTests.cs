using System.Globalization;
using System.Text.Json.Nodes;
using Slowrun.Core.Mixtures;
using Slowrun.Core.Selection;

namespace Slowrun.Training.Tests.Selection;

/// <summary>Family I: learnt mixture weights and the members chosen by them.</summary>
public sealed class GradientSelectionParityTests
{
    private readonly JsonObject json = FixtureSet.Json("I_gradient_select");
    private readonly float[] p = FixtureSet.Tensors("I_gradient_select")["P"].Floats();

    private ReadOnlyMemory<float>[] Members =>
        [.. Enumerable.Range(0, (int)json["M"]!).Select(m => (ReadOnlyMemory<float>)p.AsMemory(m * Targets, Targets))];

    private int Targets => (int)json["N"]!;

    private FittedMixture Fitted => GradientSelection.Fit(Members, (long)json["seed"]!);

    [Fact]
    public void Fit_StepByStep_FollowsUpstreamsTrajectory()
    {
        var seen = 0;

        GradientSelection.Fit(
            Members,
            (long)json["seed"]!,
            observe: (step, logits, loss) =>
            {
                if (json["trajectory"]![step.ToString(CultureInfo.InvariantCulture)] is { } expected)
                {
                    seen++;
                    Assert.All(expected["alpha"].Doubles().Zip(logits), pair => Assert.Equal(pair.First, pair.Second, 1e-2));
                    Assert.Equal((double)expected["loss_before_last_step"]!, loss, 1e-5);
                }
            }
        );

        Assert.Equal(json["trajectory"]!.AsObject().Count, seen);
    }

    [Fact]
    public void Fit_AfterItsSteps_GivesUpstreamsWeights()
    {
        var expected = FixtureSet.Tensors("I_gradient_select")["weights"].Floats();

        Assert.All(expected.Zip(Fitted.Weights), pair => Assert.Equal(pair.First, pair.Second, 1e-4));
        Assert.Equal((double)json["final_loss_before_last_step"]!, Fitted.LossNats, 1e-5);
    }

    [Fact]
    public void Top_OfEachK_ChoosesUpstreamsMembers()
    {
        var weights = Fitted.Weights;
        foreach (var (k, expected) in json["selection"]!.AsObject())
        {
            var selected = GradientSelection.Top(weights, int.Parse(k, CultureInfo.InvariantCulture));

            Assert.Equal(expected!["selected_local"]!.AsArray().Select(m => (int)m!), selected.Members);
            Assert.All(expected["weights_renorm"].Doubles().Zip(selected.Weights), pair => Assert.Equal(pair.First, pair.Second, 1e-4));
            Assert.Equal((double)expected["fit_loss"]!, GradientSelection.LossNats(Members, selected), 1e-5);
        }
    }

    [Fact]
    public void LossNats_OfSingleMembersAndOfAll_AreUpstreams()
    {
        Assert.All(json["per_model_nll"].Doubles().Zip(Members), pair => Assert.Equal(pair.First, Mixture.LossNats([pair.Second]), 1e-5));
        Assert.Equal((double)json["uniform_loss"]!, Mixture.LossNats(Members), 1e-5);
    }
}
