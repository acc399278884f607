using Slowrun.Core.Recipes;
using Slowrun.Training.Devices;
using Slowrun.Training.Distillation;
using Slowrun.Training.Kernels.Cuda;
using Slowrun.Training.Lanes;
using Slowrun.Training.Models;
using Slowrun.Training.Numerics;
using Slowrun.Training.Stages;
using Slowrun.Training.Tests.Stages;
using TorchSharp;
using static TorchSharp.torch;

namespace Slowrun.Training.Tests.Kernels.Cuda;

/// <summary>Steps by kernels for devices, which a processor plays, against composed ones.</summary>
public sealed class CudaStepTests
{
    private static readonly Dictionary<string, (ModelRecipe Model, StageRecipe Stage)> Further = new()
    {
        ["key offset"] = (SmallStage.Model with { KeyOffset = true }, Plain),
        ["mixed heads"] = (SmallStage.Model with { HeadMixing = true }, Plain),
        ["exclusive attention"] = (SmallStage.Model with { Xsa = new XsaRecipe() }, Plain),
        ["a token further"] = (SmallStage.Model with { MtpBlock = true }, Plain with { MtpWeight = 0.3 }),
        ["recurrence"] = (
            SmallStage.Model,
            Plain with
            {
                Recurrence = new RecurrenceRecipe { Passes = 2 },
                Dropout = 0.2,
            }
        ),
        ["recomputed"] = (SmallStage.Model, Plain with { Recompute = true, Dropout = 0.2 }),
    };

    private static StageRecipe Plain => SmallStage.Recipe with { Dropout = 0, Loop = null };

    public CudaStepTests() =>
        Assert.SkipWhen(PlayedCuda.Path is null, "g++, which compiles the kernels for a processor, is not installed.");

    public static TheoryData<string, MatrixPrecision> Options() =>
        [
            .. FusedTrainerTests
                .Plans.Keys.Concat(Further.Keys)
                .SelectMany(option => new (string, MatrixPrecision)[] { (option, MatrixPrecision.F32), (option, MatrixPrecision.BF16) }),
        ];

    [Theory]
    [MemberData(nameof(Options))]
    public void Backward_WithAnOption_GivesTheComposedLossAndGradient(string option, MatrixPrecision products)
    {
        var (model, stage) = Further.TryGetValue(option, out var further) ? further : FusedTrainerTests.Plans[option];
        AssertNear(model with { Products = products }, stage, [], lesson: false);
    }

    [Fact]
    public void Backward_WithTokensFurtherAhead_GivesTheComposedLossAndGradient() =>
        AssertNear(
            SmallStage.Model with
            {
                Products = MatrixPrecision.BF16,
            },
            Plain with
            {
                FutureTokens = new FutureTokensRecipe(),
            },
            [0.5f, 0.25f],
            lesson: false
        );

    [Theory]
    [InlineData(1.0)]
    [InlineData(1.4)]
    public void Backward_WithAnEnsemblesLesson_GivesTheComposedLossAndGradient(double temperature) =>
        AssertNear(
            SmallStage.Model with
            {
                Products = MatrixPrecision.BF16,
            },
            Plain with
            {
                Distillation = new DistillationRecipe { Alpha = 0.7, Temperature = temperature },
            },
            [],
            lesson: true
        );

    [Theory]
    [InlineData(MatrixPrecision.F32)]
    [InlineData(MatrixPrecision.BF16)]
    public void RunStep_ByKernels_RepeatsItsBytesAlsoAfterAResumeAndIsNearTheComposed(MatrixPrecision products)
    {
        var inputs = SmallStage.Inputs(model: SmallStage.Model with { Products = products });
        CudaKernels Of(Device device) => PlayedCuda.Kernels(products == MatrixPrecision.BF16);
        StageTraining Begun(StepPath path) => StageTraining.Begin(inputs, SmallStage.Cpus(2), replicate: true, path, Of);
        using var composed = Begun(StepPath.Composed);
        using var first = Begun(StepPath.Kernels);
        using var second = Begun(StepPath.Kernels);

        var expected = SmallStage.Run(composed);
        var once = SmallStage.Run(first);
        var middle = SmallStage.Run(second, until: 3);
        using var resumed = StageTraining.Resume(inputs, ComputeDevices.SingleCpu, middle, StepPath.Kernels, Of);

        SmallStage.AssertSame(once, SmallStage.Run(second));
        SmallStage.AssertSame(once, SmallStage.Run(resumed));
        Assert.Contains(expected.Zip(once), pair => !pair.First.Bytes.Span.SequenceEqual(pair.Second.Bytes.Span));
        using var scope = NewDisposeScope();
        foreach (var (one, other) in expected.Zip(once).Where(pair => pair.First.Name.StartsWith("parameters", StringComparison.Ordinal)))
        {
            Close.RelativeL2(Numbers(one), Numbers(other), products == MatrixPrecision.F32 ? 0.02 : 0.1, one.Name);
        }

        static Tensor Numbers(Core.Tensors.TensorData data) =>
            tensor(System.Runtime.InteropServices.MemoryMarshal.Cast<byte, float>(data.Bytes.Span).ToArray());
    }

    private static void AssertNear(ModelRecipe model, StageRecipe stage, float[] future, bool lesson)
    {
        using var scope = NewDisposeScope();
        var plan = SmallStage.Inputs(stage, model with { Initialization = Initialization.NormalOutput }).Plan;
        using var parameters = FusedTrainerTests.Parameters(plan, 8);
        using var teacher = stage.Distillation is null || lesson ? null : new Teacher(plan, parameters.Export(), CPU);
        FusedTrainerTests.Fill(parameters, plan, 9);
        var rounded = model.Products == MatrixPrecision.BF16;
        var (kernels, handedOver) = (PlayedCuda.Kernels(rounded), new RecomputedGradients());
        using var gpt = new Gpt(plan.Model, CPU);
        using var own = new Gpt(
            plan.Model,
            CPU,
            new CudaOperations(new BlockKernels(kernels, CudaKernels.Type(model.Products)), handedOver)
        );
        var batch = FusedTrainerTests.Batch(plan, future);
        var rows = batch.Tokens.shape[0] * batch.Length;
        var taught = lesson ? nn.functional.log_softmax(FusedTrainerTests.Noise(rows, plan.Model.VocabSize), -1) : null;
        using var expected = new LaneBuffer(plan.Model, parameters);
        using var found = new LaneBuffer(plan.Model, parameters);
        using var composed = new MicroBatchTrainer(plan.Model, plan.Stage, gpt, teacher, outputs: lesson);
        // Losses in chunks that are not even.
        using var trainer = new MicroBatchTrainer(plan.Model, plan.Stage, own, teacher, outputs: lesson)
        {
            HandedOver = handedOver,
            Kernels = kernels,
            RowsAtOnce = rows - 5,
        };

        var expectedLoss = composed.Backward(expected, batch, 0.5, taught).ToDouble();
        var loss = trainer.Backward(found, batch, 0.5, taught).ToDouble();

        Assert.Equal(expectedLoss, loss, (rounded ? 2e-3 : 2e-6) * Math.Max(1, Math.Abs(expectedLoss)));
        Close.RelativeL2(expected.Gradients.Flat, found.Gradients.Flat, rounded ? 0.02 : 2e-5, "gradient");
        // What is left of a sum of rounded numbers of either sign, as of a lambda's gradient, is not near anything.
        foreach (var place in parameters.Layout.Parameters.Where(place => !rounded || place.Spec.Shape.Count > 1))
        {
            Close.RelativeL2(expected.Gradients[place.Name], found.Gradients[place.Name], rounded ? 0.1 : 1e-4, place.Name);
        }
    }
}
