using Slowrun.Core.Recipes;
using Slowrun.Training.Devices;
using Slowrun.Training.Stages;
using Slowrun.Training.Tests.Distillation;

namespace Slowrun.Training.Tests.Stages;

/// <summary>A stage that an ensemble teaches is as exact as any other.</summary>
public sealed class TaughtByAnEnsembleTests
{
    [Theory]
    [InlineData(EnsembleAverage.Probabilities)]
    [InlineData(EnsembleAverage.Logits)]
    public void Training_WithAnyNumberOfWorkers_EndsWithTheSameBytes(EnsembleAverage average)
    {
        var inputs = SmallEnsemble.Inputs(average == EnsembleAverage.Logits ? SmallEnsemble.OfLogits : null);
        using var one = StageTraining.Begin(inputs, SmallStage.Cpus(1));
        using var two = StageTraining.Begin(inputs, SmallStage.Cpus(2));
        using var replicas = StageTraining.Begin(inputs, SmallStage.Cpus(4), replicate: true);

        var expected = SmallStage.Run(one);

        SmallStage.AssertSame(expected, SmallStage.Run(two));
        SmallStage.AssertSame(expected, SmallStage.Run(replicas));
    }

    [Fact]
    public void Resume_AtEveryStep_TakesTheSameNextStep()
    {
        var inputs = SmallEnsemble.Inputs();
        using var undisturbed = StageTraining.Begin(inputs, SmallStage.Cpus(1));
        var state = SmallStage.Captured(undisturbed);
        for (var step = 0; step < undisturbed.Steps; step++)
        {
            using var resumed = StageTraining.Resume(inputs, SmallStage.Cpus(1 << (step % 3)), state);
            Assert.Equal(
                undisturbed.RunStep(TestContext.Current.CancellationToken),
                resumed.RunStep(TestContext.Current.CancellationToken)
            );
            state = SmallStage.Captured(undisturbed);
            SmallStage.AssertSame(state, SmallStage.Captured(resumed));
        }
    }

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    public void Training_ByAnEnsembleOfOne_IsThatOfItsMemberButForRounding(double temperature)
    {
        var weights = SmallEnsemble.Weights(SmallStage.Model, 3);
        var stage = SmallStage.Recipe with { Distillation = new DistillationRecipe { Temperature = temperature } };
        var member = SmallStage.Inputs(stage, taught: true) with { Teacher = weights };
        var teacher = new TeacherRecipe
        {
            Run = "teacher",
            Model = SmallStage.Model,
            Members =
            [
                new TeacherMemberRecipe
                {
                    Sha256 = new string('a', 64),
                    Weight = 1,
                    Loop = stage.Loop,
                },
            ],
        };
        var ensemble = SmallStage.Inputs(stage);
        ensemble = ensemble with { Plan = ensemble.Plan with { TeacherEnsemble = teacher }, TeacherMembers = [weights] };
        using var byMember = StageTraining.Begin(member, ComputeDevices.SingleCpu);
        using var byEnsemble = StageTraining.Begin(ensemble, ComputeDevices.SingleCpu);
        using var untaught = StageTraining.Begin(SmallStage.Inputs(), ComputeDevices.SingleCpu);

        var expected = byMember.RunStep(TestContext.Current.CancellationToken).LossNats;

        Assert.Equal(expected, byEnsemble.RunStep(TestContext.Current.CancellationToken).LossNats, 1e-5);
        Assert.NotEqual(expected, untaught.RunStep(TestContext.Current.CancellationToken).LossNats, 1e-2);
    }

    [Fact]
    public void RunStep_WhenStoppedWhileItIsTaught_LeavesTheStateAsItWas()
    {
        using var training = StageTraining.Begin(SmallEnsemble.Inputs(), SmallStage.Cpus(2));
        SmallStage.Run(training, until: 1);
        var before = SmallStage.Captured(training);
        using var stop = new CancellationTokenSource();
        stop.Cancel();

        Assert.False(training.RunStep(stop.Token).Completed);

        SmallStage.AssertSame(before, SmallStage.Captured(training));
    }

    [Fact]
    public void Begin_WithFewerMembersThanTheRecipeHas_IsRefused()
    {
        var inputs = SmallEnsemble.Inputs();
        var error = Assert.Throws<ArgumentException>(() =>
            StageTraining.Begin(inputs with { TeacherMembers = [.. inputs.TeacherMembers!.Take(2)] }, ComputeDevices.SingleCpu)
        );
        Assert.Contains("3 members of run 'teacher', but 2 are given", error.Message, StringComparison.Ordinal);
        Assert.Throws<ArgumentException>(() => StageTraining.Begin(inputs with { TeacherMembers = null }, ComputeDevices.SingleCpu));
    }

    [Fact]
    public void Begin_WithATeacherOfOtherTokens_IsRefused()
    {
        var inputs = SmallEnsemble.Inputs();
        var other = inputs.Plan with
        {
            TeacherEnsemble = SmallEnsemble.Recipe with { Model = SmallEnsemble.Model with { VocabSize = 41 } },
        };
        var error = Assert.Throws<ArgumentException>(() => StageTraining.Begin(inputs with { Plan = other }, ComputeDevices.SingleCpu));
        Assert.Contains("40 ids", error.Message, StringComparison.Ordinal);
    }
}
