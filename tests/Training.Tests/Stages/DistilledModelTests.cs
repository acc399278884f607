using Slowrun.Core.Recipes;
using Slowrun.Core.Tensors;
using Slowrun.Training.Devices;
using Slowrun.Training.Evaluation;
using Slowrun.Training.Stages;

namespace Slowrun.Training.Tests.Stages;

public sealed class DistilledModelTests
{
    private static CancellationToken Stop => TestContext.Current.CancellationToken;

    /// <summary>The members have seen four times the text: what they predict of the student's says more than the text itself.</summary>
    [Fact]
    public void Student_OfAnEnsembleThatKnowsMore_JudgesUnseenTextBetterThanTheSameModelWithoutATeacher()
    {
        var stage = SmallStage.Recipe with { Epochs = 40, Optimizer = SmallStage.Recipe.Optimizer with { LearningRateMultiplier = 1 } };
        var members = Enumerable
            .Range(1, 2)
            .Select(seed =>
                Trained(
                    SmallStage.Inputs(stage with { Epochs = 24 }, seed: seed) with
                    {
                        Train = SmallStage.Tokens(1840, SmallStage.Model.VocabSize, 9),
                    }
                )
            )
            .ToList();
        var student = SmallStage.Inputs(stage with { Distillation = new DistillationRecipe { Alpha = 1 } });
        var teacher = new TeacherRecipe
        {
            Run = "teacher",
            Model = SmallStage.Model,
            Members =
            [
                .. members.Select(
                    (_, i) =>
                        new TeacherMemberRecipe
                        {
                            Sha256 = new string((char)('a' + i), 64),
                            Weight = 0.5,
                            Loop = stage.Loop,
                        }
                ),
            ],
        };

        var untaught = LossNats(student, Trained(student));
        var taught = LossNats(
            student,
            Trained(student with { Plan = student.Plan with { TeacherEnsemble = teacher }, TeacherMembers = members })
        );

        TestContext.Current.TestOutputHelper?.WriteLine(
            FormattableString.Invariant(
                $"Taught {taught:F4}, untaught {untaught:F4}, members {string.Join(' ', members.Select(member => LossNats(student, member)))}."
            )
        );
        Assert.True(taught < untaught - 0.05, $"Taught {taught}, untaught {untaught}.");
    }

    private static IReadOnlyList<TensorData> Trained(StageInputs inputs)
    {
        using var training = StageTraining.Begin(inputs, ComputeDevices.SingleCpu);
        SmallStage.Run(training);
        return training.Snapshot(Stop);
    }

    private static double LossNats(StageInputs inputs, IReadOnlyList<TensorData> weights) =>
        MemberScorer.Score(inputs.Plan, weights, inputs.Validation!, ComputeDevices.SingleCpu, Stop).Average(p => -Math.Log(p));
}
