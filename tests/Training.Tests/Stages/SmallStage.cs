using Slowrun.Core.Plan;
using Slowrun.Core.Recipes;
using Slowrun.Core.Tensors;
using Slowrun.Core.Tokens;
using Slowrun.Training.Devices;
using Slowrun.Training.Stages;

namespace Slowrun.Training.Tests.Stages;

/// <summary>Stages that train in milliseconds, and what tests do with them.</summary>
internal static class SmallStage
{
    public static ModelRecipe Model { get; } =
        new()
        {
            VocabSize = 40,
            SequenceLength = 16,
            Layers = 2,
            Heads = 2,
            Width = 32,
        };

    /// <summary>Four micro-batches a step, one a lane; the loop begins with the second data epoch.</summary>
    public static StageRecipe Recipe { get; } =
        new()
        {
            BatchTokens = 128,
            DeviceRows = 2,
            Lanes = 4,
            Epochs = 2,
            Dropout = 0.2,
            Loop = new LoopRecipe
            {
                Start = 1,
                End = 2,
                Replays = 2,
                FromFraction = 0.5,
            },
            Optimizer = new OptimizerRecipe { LearningRateMultiplier = 0.7, WeightDecay = 0.4 },
        };

    public static StageInputs Inputs(StageRecipe? stage = null, ModelRecipe? model = null, int seed = 5, bool taught = false)
    {
        var plan = new StagePlan
        {
            Id = new StageId(0, taught ? 1 : 0),
            Role = ChainRole.Members,
            Seed = seed,
            Model = model ?? Model,
            Stage = stage ?? Recipe,
            Evaluation = new EvaluationRecipe { Rows = 3 },
            Data = new DataRecipe(),
            Teacher = taught ? new StageId(0, 0) : null,
        };
        return new StageInputs
        {
            Plan = plan,
            Train = Tokens(460, plan.Model.VocabSize, 1),
            Validation = Tokens(130, plan.Model.VocabSize, 2),
            Fitness = Tokens(120, plan.Model.VocabSize, 3),
        };
    }

    /// <summary>A stage that keeps its weights by a rule, with or without a trained teacher.</summary>
    public static StageInputs Inputs(SelectionRule rule, bool taught)
    {
        var stage = Recipe with
        {
            Selection = new SelectionRecipe { Rule = rule },
            Distillation = taught ? new DistillationRecipe() : null,
        };
        if (!taught)
        {
            return Inputs(stage);
        }

        using var teacher = StageTraining.Begin(Inputs(seed: 4), ComputeDevices.SingleCpu);
        Run(teacher);
        return Inputs(stage, taught: true) with { Teacher = teacher.Snapshot() };
    }

    public static ArrayTokenSet Tokens(int count, int vocabulary, int seed)
    {
        var random = new Random(seed);
        // Something to learn: mostly the token after the one before.
        var tokens = new ushort[count];
        for (var i = 1; i < count; i++)
        {
            tokens[i] = (ushort)(random.Next(4) == 0 ? random.Next(vocabulary) : (tokens[i - 1] + 1) % vocabulary);
        }

        return new ArrayTokenSet(
            tokens,
            [.. Enumerable.Range(0, (count + 36) / 37).Select(i => 37L * i)],
            [.. Enumerable.Repeat(1, vocabulary)]
        );
    }

    public static ComputeDevices Cpus(int count) => new([.. Enumerable.Range(0, count).Select(i => $"cpu:{i}")]);

    public static IReadOnlyList<TensorData> Captured(StageTraining training)
    {
        using var buffer = new StateBuffer(training.StateLayout);
        training.Capture(buffer);
        return [.. buffer.Tensors.Select(tensor => tensor with { Bytes = tensor.Bytes.ToArray() })];
    }

    /// <summary>Trains to the end, or to a step, and captures the state there.</summary>
    public static IReadOnlyList<TensorData> Run(StageTraining training, int? until = null)
    {
        while (training.Step < (until ?? training.Steps))
        {
            Assert.True(training.RunStep(TestContext.Current.CancellationToken).Completed);
        }

        return Captured(training);
    }

    public static void AssertSame(IReadOnlyList<TensorData> expected, IReadOnlyList<TensorData> actual)
    {
        Assert.Equal(expected.Select(tensor => tensor.Name), actual.Select(tensor => tensor.Name));
        Assert.All(
            expected.Zip(actual),
            pair => Assert.True(pair.First.Bytes.Span.SequenceEqual(pair.Second.Bytes.Span), $"'{pair.First.Name}' differs.")
        );
    }

    public static bool Same(IReadOnlyList<TensorData> a, IReadOnlyList<TensorData> b) =>
        a.Zip(b).All(pair => pair.First.Bytes.Span.SequenceEqual(pair.Second.Bytes.Span));
}
