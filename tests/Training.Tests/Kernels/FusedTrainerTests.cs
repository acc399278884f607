using Slowrun.Core.Models;
using Slowrun.Core.Plan;
using Slowrun.Core.Recipes;
using Slowrun.Training.Distillation;
using Slowrun.Training.Lanes;
using Slowrun.Training.Models;
using Slowrun.Training.Parameters;
using Slowrun.Training.Tests.Stages;
using TorchSharp;
using static TorchSharp.torch;

namespace Slowrun.Training.Tests.Kernels;

/// <summary>A micro-batch's loss and gradient on the fused path, against autograd.</summary>
public sealed class FusedTrainerTests
{
    public static TheoryData<string> Options() => [.. Plans.Keys];

    internal static readonly Dictionary<string, (ModelRecipe Model, StageRecipe Stage)> Plans = new()
    {
        ["plain"] = (SmallStage.Model, Plain),
        ["loop"] = (SmallStage.Model with { Layers = 4 }, Plain with { Loop = Loop(1, 3) }),
        ["narrow windows"] = (SmallStage.Model with { Layers = 4, ShortWindow = 3, LongWindow = 9 }, Plain),
        ["wide heads"] = (SmallStage.Model with { Width = 64, Heads = 2, SequenceLength = 37 }, Plain),
        ["wider heads"] = (SmallStage.Model with { Width = 96, Heads = 2, SequenceLength = 20 }, Plain),
        ["one lane heads"] = (SmallStage.Model with { Width = 48, Heads = 3, SequenceLength = 9 }, Plain),
        ["odd heads"] = (OddHeads, Plain with { DeviceRows = 3 }),
        ["low softcap"] = (SmallStage.Model with { Softcap = 0.4 }, Plain),
        ["half rope"] = (SmallStage.Model with { HalfRope = true, RopePrecision = RopePrecision.BF16 }, Plain),
        ["transposed unembedding"] = (SmallStage.Model with { TransposedUnembedding = true, PadVocabTo = 16 }, Plain),
        ["dropout"] = (SmallStage.Model, Plain with { Dropout = 0.3 }),
        ["dropout of attention alone"] = (SmallStage.Model, Plain with { Dropout = 0.3, MlpDropout = false, Loop = Loop(1, 2) }),
        ["stochastic depth"] = (SmallStage.Model with { Layers = 6 }, Plain with { StochasticDepth = 0.9, Loop = Loop(2, 5) }),
        ["label smoothing"] = (SmallStage.Model, Plain with { LabelSmoothing = 0.2 }),
        ["taught"] = (
            SmallStage.Model,
            Plain with
            {
                Distillation = new DistillationRecipe { Alpha = 0.6 },
                Loop = Loop(0, 1),
            }
        ),
        ["taught warmly"] = (
            SmallStage.Model,
            Plain with
            {
                Distillation = new DistillationRecipe { Alpha = 0.6, Temperature = 1.7 },
            }
        ),
        ["taught without weight"] = (SmallStage.Model, Plain with { Distillation = new DistillationRecipe { Alpha = 0 } }),
        ["taught alone"] = (
            SmallStage.Model,
            Plain with
            {
                Distillation = new DistillationRecipe { Alpha = 1, Temperature = 0.8 },
            }
        ),
        ["multi-token block"] = (SmallStage.Model with { MtpBlock = true }, Plain),
        ["multi-token block, odd heads"] = (OddHeads with { MtpBlock = true }, Plain with { DeviceRows = 3, MtpWeight = 0.9 }),
        ["multi-token block without weight"] = (SmallStage.Model with { MtpBlock = true }, Plain with { MtpWeight = 0 }),
        ["multi-token block, taught alone"] = (
            SmallStage.Model with
            {
                MtpBlock = true,
            },
            Plain with
            {
                Distillation = new DistillationRecipe { Alpha = 1 },
            }
        ),
        ["multi-token block, stochastic depth"] = (
            SmallStage.Model with
            {
                MtpBlock = true,
            },
            Plain with
            {
                StochasticDepth = 1,
                Loop = Loop(0, 1),
            }
        ),
        ["everything"] = (
            SmallStage.Model with
            {
                Layers = 6,
                Softcap = 3,
                MtpBlock = true,
            },
            Plain with
            {
                Loop = Loop(2, 4),
                Dropout = 0.1,
                LabelSmoothing = 0.1,
                StochasticDepth = 0.2,
                Distillation = new DistillationRecipe { Alpha = 0.4, Temperature = 1.2 },
            }
        ),
    };

    private static ModelRecipe OddHeads => SmallStage.Model with { Width = 42, Heads = 3, SequenceLength = 7, VocabSize = 33 };

    private static StageRecipe Plain => SmallStage.Recipe with { Dropout = 0, Loop = null };

    [Theory]
    [MemberData(nameof(Options))]
    public void Backward_WithAnOption_GivesAutogradsLossAndGradient(string option)
    {
        var (model, stage) = Plans[option];
        AssertNear(model, stage, [], lesson: false);
    }

    [Fact]
    public void Backward_WithTokensFurtherAhead_GivesAutogradsLossAndGradient() =>
        AssertNear(SmallStage.Model, Plain with { FutureTokens = new FutureTokensRecipe() }, [0.5f, 0.25f], lesson: false);

    [Theory]
    [InlineData(1.0)]
    [InlineData(1.4)]
    public void Backward_WithAnEnsemblesLesson_GivesAutogradsLossAndGradient(double temperature) =>
        AssertNear(
            SmallStage.Model,
            Plain with
            {
                Distillation = new DistillationRecipe { Alpha = 0.7, Temperature = temperature },
            },
            [],
            lesson: true
        );

    [Fact]
    public void Backward_Twice_AddsToTheGradientAndRepeatsItsBytes()
    {
        using var scope = NewDisposeScope();
        var plan = SmallStage.Inputs(Plain with { Dropout = 0.2, Loop = Loop(1, 2) }).Plan;
        using var parameters = Parameters(plan, 9);
        using var rotary = RotaryTable.Of(plan.Model, CPU);
        using var trainer = new FusedTrainer(plan.Model, plan.Stage, rotary, null, outputs: false);
        using var lane = new LaneBuffer(plan.Model, parameters);
        var batch = Batch(plan, []);
        trainer.Backward(lane, batch, 1, null);
        var once = lane.Gradients.Flat.clone();
        lane.Gradients.Zero();
        trainer.Backward(lane, batch, 1, null);
        Assert.True(once.bytes.SequenceEqual(lane.Gradients.Flat.bytes));

        trainer.Backward(lane, batch, 1, null);

        Close.RelativeL2(once.mul(2), lane.Gradients.Flat, 1e-6, "gradient of two");
    }

    [Theory]
    [InlineData(-1)]
    [InlineData(1000)]
    public void Backward_OnATokenThatTheModelDoesNotHave_SaysWhich(long token)
    {
        using var scope = NewDisposeScope();
        var plan = SmallStage.Inputs(Plain).Plan;
        using var parameters = Parameters(plan, 9);
        using var rotary = RotaryTable.Of(plan.Model, CPU);
        using var trainer = new FusedTrainer(plan.Model, plan.Stage, rotary, null, outputs: false);
        using var lane = new LaneBuffer(plan.Model, parameters);
        var batch = Batch(plan, []);
        batch.Tokens[1, 2] = tensor(token);

        var error = Assert.Throws<ArgumentException>(() => trainer.Backward(lane, batch, 1, null));

        Assert.Contains($"A token is {token}, expected 0 to {plan.Model.VocabSize - 1}", error.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(float.NaN)]
    [InlineData(float.PositiveInfinity)]
    public void Backward_OnAWeightThatIsNoNumber_HasNoFiniteLoss(float value)
    {
        using var scope = NewDisposeScope();
        var plan = SmallStage.Inputs(Plain).Plan;
        using var parameters = Parameters(plan, 9);
        parameters["transformer.h.0.mlp.c_fc.weight"][3, 4] = tensor(value);
        using var rotary = RotaryTable.Of(plan.Model, CPU);
        using var trainer = new FusedTrainer(plan.Model, plan.Stage, rotary, null, outputs: false);
        using var lane = new LaneBuffer(plan.Model, parameters);

        Assert.False(double.IsFinite(trainer.Backward(lane, Batch(plan, []), 1, null).ToDouble()));
        Assert.False(float.IsFinite(lane.Gradients.Flat.sum().ToSingle()));
    }

    [Fact]
    public void Backward_OnAMicroBatchOfAnotherShape_SaysWhichIsExpected()
    {
        var plan = SmallStage.Inputs(Plain).Plan;
        using var parameters = Parameters(plan, 9);
        using var rotary = RotaryTable.Of(plan.Model, CPU);
        using var trainer = new FusedTrainer(plan.Model, plan.Stage, rotary, null, outputs: false);
        using var lane = new LaneBuffer(plan.Model, parameters);
        var batch = Batch(plan, []) with { Tokens = zeros([3, 17], ScalarType.Int64) };

        var error = Assert.Throws<ArgumentException>(() => trainer.Backward(lane, batch, 1, null));

        Assert.Contains("[3, 17], expected [2, 17]", error.Message, StringComparison.Ordinal);
    }

    private static void AssertNear(ModelRecipe model, StageRecipe stage, float[] future, bool lesson)
    {
        using var scope = NewDisposeScope();
        var plan = SmallStage.Inputs(stage, model with { Initialization = Initialization.NormalOutput }).Plan;
        using var parameters = Parameters(plan, 8);
        using var teacher = stage.Distillation is null || lesson ? null : new Teacher(plan, parameters.Export(), CPU);
        Fill(parameters, plan, 9);
        using var gpt = new Gpt(plan.Model, CPU);
        var batch = Batch(plan, future);
        var rows = batch.Tokens.shape[0] * batch.Length;
        var taught = lesson ? nn.functional.log_softmax(Noise(rows, plan.Model.VocabSize), -1) : null;
        using var expected = new LaneBuffer(plan.Model, parameters);
        using var found = new LaneBuffer(plan.Model, parameters);
        using var composed = new MicroBatchTrainer(plan.Model, plan.Stage, gpt, teacher, outputs: lesson);
        using var fused = new FusedTrainer(plan.Model, plan.Stage, gpt.Rotary, teacher, outputs: lesson);

        var expectedLoss = composed.Backward(expected, batch, 0.5, taught).ToDouble();
        var loss = fused.Backward(found, batch, 0.5, taught).ToDouble();

        Assert.Equal(expectedLoss, loss, 2e-6 * Math.Max(1, Math.Abs(expectedLoss)));
        Close.RelativeL2(expected.Gradients.Flat, found.Gradients.Flat, 2e-5, "gradient");
        foreach (var place in parameters.Layout.Parameters)
        {
            Close.RelativeL2(expected.Gradients[place.Name], found.Gradients[place.Name], 1e-4, place.Name);
        }
    }

    internal static FlatParameters Parameters(StagePlan plan, int seed)
    {
        var table = ParameterTable.Of(plan.Model);
        var parameters = new FlatParameters(ParameterGroups.Layout(table, ParameterGroups.Of(table, plan.Stage.Optimizer)), CPU);
        Fill(parameters, plan, seed);
        return parameters;
    }

    /// <summary>Like a trained model: gates and lambdas that differ, so that none hides another.</summary>
    internal static void Fill(FlatParameters parameters, StagePlan plan, int seed)
    {
        using var scope = NewDisposeScope();
        using var generator = new Generator((ulong)seed, CPU);
        Initializer.Fill(parameters, plan.Model, (ulong)seed);
        parameters.Flat.add_(empty_like(parameters.Flat).normal_(0, 0.1, generator));
    }

    internal static MicroBatch Batch(StagePlan plan, float[] future)
    {
        var (rows, length, vocabulary) = (plan.Stage.DeviceRows, plan.Model.SequenceLength + 1, plan.Model.VocabSize);
        var tokens = Enumerable.Range(0, rows * length).Select(i => i * 7919L % 1009 % vocabulary).ToArray();
        var settings = new StepSettings
        {
            Loop = plan.Stage.Loop,
            Windows = AttentionWindows.Of(plan.Model),
            FutureWeights = future,
        };
        return new MicroBatch(tensor(tokens).view(rows, length), settings, 77);
    }

    internal static Tensor Noise(long rows, long columns)
    {
        using var generator = new Generator(3, CPU);
        return empty([rows, columns]).normal_(0, 2, generator);
    }

    private static LoopRecipe Loop(int start, int end) =>
        new()
        {
            Start = start,
            End = end,
            Replays = 2,
            FromFraction = 0,
        };
}
