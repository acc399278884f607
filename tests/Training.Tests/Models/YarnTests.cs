using Slowrun.Core.Models;
using Slowrun.Core.Recipes;
using Slowrun.Training.Models;
using Slowrun.Training.Numerics;
using Slowrun.Training.Parameters;
using Slowrun.Training.Stages;
using Slowrun.Training.Tests.Distillation;
using Slowrun.Training.Tests.Inference;
using Slowrun.Training.Tests.Stages;
using static TorchSharp.torch;

namespace Slowrun.Training.Tests.Models;

/// <summary>Positions that are rescaled while the long window grows. (That the finished model is right is held to plain float64 by
/// <see cref="TransformersForwardTests"/>, read in pieces by <see cref="CachedModelTests"/>.)</summary>
public sealed class YarnTests
{
    private static readonly ModelRecipe Model = SmallStage.Model with
    {
        ShortWindow = 3,
        Yarn = new() { LongWindows = [4, 9], Beta = 2 },
    };

    private static readonly StageRecipe Growing = SmallStage.Recipe with { Epochs = 3, Windows = [new(1, 2, 4), new(2, 3, 9)] };

    /// <summary>Before it has grown it is a model without YaRN; grown once, one that ends there; bit for bit.</summary>
    [Fact]
    public void Hidden_OfEachPhase_IsThatOfAModelThatEndsThere()
    {
        using var scope = NewDisposeScope();
        var plain = Model with { Yarn = null };
        var once = Model with { LongWindow = 9, Yarn = Model.Yarn! with { LongWindows = [4] } };

        Assert.True(Hidden(plain, 4).bytes.SequenceEqual(Hidden(Model, 4).bytes));
        Assert.True(Hidden(once, 9).bytes.SequenceEqual(Hidden(Model, 9).bytes));
        Assert.False(Hidden(plain, 9).bytes.SequenceEqual(Hidden(Model, 9).bytes));
        Assert.False(Hidden(once, 16).bytes.SequenceEqual(Hidden(Model, 16).bytes));
    }

    [Fact]
    public void Training_WhoseWindowGrows_DiffersFromOneWithoutYarnFromItsSecondPhaseOn()
    {
        using var plain = Begin(Model with { Yarn = null });
        using var growing = Begin(Model);
        // Three steps an epoch.
        Assert.Equal(9, growing.Steps);

        SmallStage.AssertSame(SmallStage.Run(plain, until: 3), SmallStage.Run(growing, until: 3));
        Assert.False(SmallStage.Same(SmallStage.Run(plain, until: 4), SmallStage.Run(growing, until: 4)));
    }

    [Fact]
    public void Resume_AtEveryStep_TakesTheSameNextStep()
    {
        using var undisturbed = Begin(Model);
        var state = SmallStage.Captured(undisturbed);
        while (undisturbed.Step < undisturbed.Steps)
        {
            using var resumed = StageTraining.Resume(SmallStage.Inputs(Growing, Model), SmallStage.Cpus(1), state);
            SmallStage.Run(resumed, until: resumed.Step + 1);
            state = SmallStage.Run(undisturbed, until: undisturbed.Step + 1);
            SmallStage.AssertSame(state, SmallStage.Captured(resumed));
        }
    }

    private static StageTraining Begin(ModelRecipe model) =>
        StageTraining.Begin(
            SmallStage.Inputs(Growing, model with { Initialization = Initialization.NormalOutput }),
            SmallStage.Cpus(1),
            replicate: false,
            StepPath.Composed
        );

    private static Tensor Hidden(ModelRecipe model, int longWindow)
    {
        var plan = CachedModelTests.Plan(model, new StageRecipe());
        using var parameters = new FlatParameters(
            ParameterGroups.Layout(ParameterTable.Of(model), ParameterGroups.Of(ParameterTable.Of(model), plan.Stage.Optimizer)),
            CPU
        );
        parameters.Load(SmallEnsemble.Weights(model, 3));
        using var source = new ParameterSource(parameters, null);
        using var gpt = new Gpt(model, CPU);
        using var noGradient = no_grad();
        var tokens = arange(model.SequenceLength, ScalarType.Int64).unsqueeze(0);
        return gpt.Hidden(GptWeights.Of(model, source), tokens, new ForwardPass { Windows = new AttentionWindows(3, longWindow) });
    }
}
