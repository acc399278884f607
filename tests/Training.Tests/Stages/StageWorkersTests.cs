using Slowrun.Core.Plan;
using Slowrun.Core.Recipes;
using Slowrun.Core.Tensors;
using Slowrun.Training.Devices;
using Slowrun.Training.Stages;

namespace Slowrun.Training.Tests.Stages;

/// <summary>A stage on several workers, replicas or beside another stage gives the bytes of one worker.</summary>
public sealed class StageWorkersTests
{
    [Theory]
    [InlineData(2)]
    [InlineData(4)]
    public void RunStep_WithMoreWorkers_GivesTheSameBytes(int workers)
    {
        var inputs = SmallStage.Inputs(SelectionRule.BestValidation, taught: true);
        using var one = StageTraining.Begin(inputs, ComputeDevices.SingleCpu);
        using var several = StageTraining.Begin(inputs, SmallStage.Cpus(workers));

        SmallStage.AssertSame(SmallStage.Run(one), SmallStage.Run(several));
    }

    /// <summary>The form that CUDA devices need, on processors: replicas of parameters and teacher, gradients copied between
    /// them.</summary>
    [Theory]
    [InlineData(2)]
    [InlineData(4)]
    public void RunStep_WithReplicas_GivesTheSameBytes(int workers)
    {
        var inputs = SmallStage.Inputs(SelectionRule.BestValidation, taught: true);
        using var one = StageTraining.Begin(inputs, ComputeDevices.SingleCpu);
        using var several = StageTraining.Begin(inputs, SmallStage.Cpus(workers), replicate: true);

        SmallStage.AssertSame(SmallStage.Run(one), SmallStage.Run(several));
    }

    /// <summary>Workers join and leave between two steps.</summary>
    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void Use_OfOtherWorkersAfterEachStep_ChangesNoByte(bool replicate)
    {
        var inputs = SmallStage.Inputs(SelectionRule.BestValidation, taught: true);
        using var calm = StageTraining.Begin(inputs, ComputeDevices.SingleCpu);
        using var changing = StageTraining.Begin(inputs, ComputeDevices.SingleCpu, replicate);
        var seen = new List<int>();
        while (changing.Step < changing.Steps)
        {
            SmallStage.Run(changing, changing.Step + 1);
            seen.Add(changing.Use(SmallStage.Cpus(changing.Step % 3 == 0 ? 1 : 2 * (changing.Step % 3))));
        }

        SmallStage.AssertSame(SmallStage.Run(calm), SmallStage.Captured(changing));
        SmallStage.AssertSame(
            calm.Snapshot(TestContext.Current.CancellationToken),
            changing.Snapshot(TestContext.Current.CancellationToken)
        );
        Assert.Equal([1, 2, 4], seen.Distinct().Order());
    }

    /// <summary>Eight lanes are a chain of eight sums, independent of who computes them and when they finish.</summary>
    [Theory]
    [InlineData(2, false)]
    [InlineData(4, false)]
    [InlineData(8, false)]
    [InlineData(2, true)]
    [InlineData(8, true)]
    public void RunStep_OfEightLanes_GivesTheSameBytesForAnyNumberOfWorkers(int workers, bool replicate)
    {
        var inputs = SmallStage.Inputs(SmallStage.Recipe with { Lanes = 8, BatchTokens = 16 * 16, DeviceRows = 1, Recompute = true });
        using var one = StageTraining.Begin(inputs, ComputeDevices.SingleCpu);
        using var several = StageTraining.Begin(inputs, SmallStage.Cpus(workers), replicate);

        SmallStage.AssertSame(SmallStage.Run(one), SmallStage.Run(several));
    }

    /// <summary>Replicas, masks made where they are used, averages in another memory: whatever the recipe has on, the bytes are a
    /// processor's.</summary>
    [Theory]
    [MemberData(nameof(ExactResumeTests.Seeds), MemberType = typeof(ExactResumeTests))]
    public void RunStep_OfARandomRecipe_AsOnDevicesOfTheirOwn_GivesTheSameBytes(int seed)
    {
        var inputs = RandomStage.Of(seed);
        using var shared = StageTraining.Begin(inputs, SmallStage.Cpus(2), replicate: false, stackNumbers: 1);
        using var apart = StageTraining.Begin(inputs, SmallStage.Cpus(4), replicate: true, stackNumbers: 1);

        SmallStage.AssertSame(SmallStage.Run(shared), SmallStage.Run(apart));
        SmallStage.AssertSame(
            shared.Snapshot(TestContext.Current.CancellationToken),
            apart.Snapshot(TestContext.Current.CancellationToken)
        );
    }

    /// <summary>Waiting for a device costs more than what it would wait for: losses and norm of a step are read together, at its
    /// end.</summary>
    [Theory]
    [MemberData(nameof(ExactResumeTests.Seeds), MemberType = typeof(ExactResumeTests))]
    public void RunStep_OfARandomRecipe_ReadsFromTheDeviceOnce(int seed)
    {
        var inputs = RandomStage.Of(seed);
        inputs = inputs with
        {
            Plan = inputs.Plan with
            {
                Model = inputs.Plan.Model with { Products = seed % 2 == 0 ? MatrixPrecision.BF16 : MatrixPrecision.F32 },
            },
        };
        var steps = new StageSteps(inputs.Plan, inputs.Train.Length);
        using var training = StageTraining.Begin(inputs, SmallStage.Cpus(2), replicate: true);
        while (training.Step < training.Steps)
        {
            // Judging the weights on validation, after an epoch, is no part of the step.
            var judges = inputs.Plan.Stage.Selection.Rule == SelectionRule.BestValidation && steps.EndedEpoch(training.Step) is not null;
            var before = training.DeviceReads;
            training.RunStep(TestContext.Current.CancellationToken);
            Assert.True(
                judges ? training.DeviceReads > before + 1 : training.DeviceReads == before + 1,
                $"Step {training.Step} read {training.DeviceReads - before} times."
            );
        }
    }

    /// <summary>One worker's trouble ends the step for those that wait for its lanes, too.</summary>
    [Theory]
    [InlineData(false, false)]
    [InlineData(true, false)]
    [InlineData(false, true)]
    [InlineData(true, true)]
    public void RunStep_WhenOneOfSeveralWorkersStopsOrFails_EndsForAllAndLeavesTheStateAsItWas(bool fails, bool replicate)
    {
        var inputs = SmallStage.Inputs(SmallStage.Recipe with { Lanes = 4, BatchTokens = 16 * 16, DeviceRows = 1 });
        using var undisturbed = StageTraining.Begin(inputs, ComputeDevices.SingleCpu);
        var tokens = new DisturbedTokens(inputs.Train);
        using var training = StageTraining.Begin(inputs with { Train = tokens }, SmallStage.Cpus(4), replicate);
        var before = SmallStage.Captured(training);

        using var stop = new CancellationTokenSource();
        tokens.OnThirdRead = fails ? () => throw new InvalidDataException("The set is damaged.") : stop.Cancel;
        if (fails)
        {
            Assert.Throws<InvalidDataException>(() => training.RunStep(stop.Token));
        }
        else
        {
            Assert.False(training.RunStep(stop.Token).Completed);
        }

        SmallStage.AssertSame(before, SmallStage.Captured(training));
        SmallStage.AssertSame(SmallStage.Run(undisturbed), SmallStage.Run(training));
    }

    [Fact]
    public void Resume_WithAnotherNumberOfWorkers_EndsWithTheSameBytes()
    {
        var inputs = SmallStage.Inputs();
        using var one = StageTraining.Begin(inputs, ComputeDevices.SingleCpu);
        var expected = SmallStage.Run(one);
        using var four = StageTraining.Begin(inputs, SmallStage.Cpus(4));
        using var two = StageTraining.Resume(inputs, SmallStage.Cpus(2), SmallStage.Run(four, until: 2));

        SmallStage.AssertSame(expected, SmallStage.Run(two));
    }

    [Fact]
    public async Task RunStep_OfTwoTrainingsSideBySide_DisturbsNeither()
    {
        IReadOnlyList<TensorData> Trained(int seed)
        {
            using var training = StageTraining.Begin(SmallStage.Inputs(seed: seed), ComputeDevices.SingleCpu);
            return SmallStage.Run(training);
        }

        var alone = (Trained(1), Trained(2));

        var together = await Task.WhenAll(
            Task.Factory.StartNew(
                () => Trained(1),
                TestContext.Current.CancellationToken,
                TaskCreationOptions.LongRunning,
                TaskScheduler.Default
            ),
            Task.Factory.StartNew(
                () => Trained(2),
                TestContext.Current.CancellationToken,
                TaskCreationOptions.LongRunning,
                TaskScheduler.Default
            )
        );

        SmallStage.AssertSame(alone.Item1, together[0]);
        SmallStage.AssertSame(alone.Item2, together[1]);
        Assert.False(SmallStage.Same(together[0], together[1]));
    }
}
