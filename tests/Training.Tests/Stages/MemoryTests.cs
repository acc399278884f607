using Slowrun.Core.Recipes;
using Slowrun.Training.Stages;
using Slowrun.Training.Tests.Distillation;

namespace Slowrun.Training.Tests.Stages;

/// <summary>Alone in its process at that moment: what other tests hold would count.</summary>
[Collection(nameof(MemoryTests))]
[CollectionDefinition(nameof(MemoryTests), DisableParallelization = true)]
public sealed class MemoryTests
{
    /// <summary>A tensor lost in every step would be some hundred kilobytes a step here.</summary>
    [Fact]
    public void RunStep_ManyTimes_KeepsMemoryFlat()
    {
        var inputs = SmallStage.Inputs(SmallStage.Recipe with { Epochs = 700, BatchTokens = 32, DeviceRows = 1, Lanes = 2 });
        using var training = StageTraining.Begin(inputs, SmallStage.Cpus(2));
        SmallStage.Run(training, until: 200);
        var before = ResidentBytes();

        SmallStage.Run(training, until: 700);

        var grown = ResidentBytes() - before;
        Assert.True(grown < 24 << 20, $"500 steps made the process grow by {grown / 1024} KiB.");
    }

    /// <summary>Thirty-two models would take more than 128 MiB, if each were kept.</summary>
    [Fact]
    public void RunStep_TaughtByManyMembers_TakesNoMoreMemoryThanByOne()
    {
        var model = SmallStage.Model with { Layers = 4, Width = 160 };
        var weights = SmallEnsemble.Weights(model, 1);
        Assert.True(weights.Sum(tensor => (long)tensor.Bytes.Length) > 4 << 20);

        var one = Taught(1);
        var many = Taught(32);

        Assert.True(many - one < 64 << 20, $"Thirty-two members took {(many - one) / 1024} KiB more than one.");

        long Taught(int members)
        {
            var teacher = new TeacherRecipe
            {
                Run = "teacher",
                Model = model,
                Members = [.. Enumerable.Repeat(new TeacherMemberRecipe { Sha256 = new string('a', 64), Weight = 1.0 / members }, members)],
            };
            var inputs = SmallStage.Inputs(SmallStage.Recipe with { Distillation = new DistillationRecipe() });
            inputs = inputs with
            {
                Plan = inputs.Plan with { TeacherEnsemble = teacher },
                TeacherMembers = [.. Enumerable.Repeat(weights, members)],
            };
            using var training = StageTraining.Begin(inputs, SmallStage.Cpus(1));
            SmallStage.Run(training, until: 2);
            return ResidentBytes();
        }
    }

    private static long ResidentBytes()
    {
        GC.Collect();
        GC.WaitForPendingFinalizers();
        GC.Collect();
        return Environment.WorkingSet;
    }
}
