using Slowrun.Core.Plan;
using Slowrun.Core.Recipes;
using Slowrun.Core.Tensors;
using Slowrun.Training.Devices;
using Slowrun.Training.Stages;

namespace Slowrun.Training.Tests.Stages;

/// <summary>Small stages with every option of the recipe on or off by chance: a function of a seed, so that another process makes the
/// same.</summary>
internal static class RandomStage
{
    public static StageInputs Of(int seed) => Of(seed, model => model, stage => stage);

    /// <summary>The same with the options of the fused path alone.</summary>
    public static StageInputs Fused(int seed, bool mtpBlock = false) =>
        Of(
            seed,
            model => model with { KeyOffset = false, HeadMixing = false, Xsa = null, MtpBlock = mtpBlock },
            stage => stage with { Recurrence = null, Recompute = false }
        );

    private static StageInputs Of(int seed, Func<ModelRecipe, ModelRecipe> ofModel, Func<StageRecipe, StageRecipe> ofStage)
    {
        var random = new Random(seed);
        var model = ofModel(Model(random));
        var continued = random.Next(3) == 0;
        var taught = random.Next(2) == 0;
        var stage = ofStage(Stage(random, model)) with
        {
            Distillation = taught ? new DistillationRecipe { Alpha = 0.45, Temperature = Pick(random, 1, 1.2) } : null,
            Continuation = continued ? new ContinuationRecipe() : null,
        };
        var inputs = SmallStage.Inputs(stage, model, seed);
        var before = inputs with
        {
            Plan = inputs.Plan with { Stage = stage with { Distillation = null, Selection = new SelectionRecipe() } },
        };
        var (final, snapshot) = taught || continued ? Finished(before) : ([], []);
        return inputs with
        {
            Plan = inputs.Plan with
            {
                Id = new StageId(0, taught || continued ? 1 : 0),
                ChainStages = 3,
                Teacher = taught ? new StageId(0, 0) : null,
                Predecessor = continued ? new StageId(0, 0) : null,
                OrderSeed = continued ? seed : null,
            },
            Teacher = taught ? snapshot : null,
            Predecessor = continued ? final : null,
        };
    }

    private static ModelRecipe Model(Random random) =>
        new()
        {
            VocabSize = 37,
            PadVocabTo = Pick(random, 1, 16),
            SequenceLength = 16,
            Layers = Pick(random, 2, 4),
            Heads = Pick(random, 2, 4),
            Width = 32,
            WindowPattern = Pick(random, "SSSL", "SL"),
            ShortWindow = Pick(random, 3, (int?)null),
            Softcap = Pick(random, 10.0, 15),
            RopePrecision = Pick(random, RopePrecision.F32, RopePrecision.BF16),
            HalfRope = Flip(random),
            KeyOffset = Flip(random),
            HeadMixing = Flip(random),
            HeadMixingValues = Flip(random),
            Xsa = Pick(random, null, new XsaRecipe(), new XsaRecipe { Strength = XsaStrength.Fixed, FirstLayers = 1 }),
            MtpBlock = Flip(random),
            Initialization = Pick(random, Enum.GetValues<Initialization>()),
            TransposedUnembedding = Flip(random),
        };

    private static StageRecipe Stage(Random random, ModelRecipe model) =>
        new()
        {
            BatchTokens = 4 * 2 * model.SequenceLength,
            DeviceRows = 2,
            Lanes = Pick(random, 1, 2, 4),
            Epochs = Pick(random, 2, 2.5),
            Dropout = Pick(random, 0, 0.2),
            MlpDropout = Flip(random),
            StochasticDepth = Pick(random, 0, 0.4),
            LabelSmoothing = Pick(random, 0, 0.1),
            FutureTokens = Pick(random, null, new FutureTokensRecipe()),
            Loop = Pick(
                random,
                null,
                new LoopRecipe
                {
                    Start = model.Layers / 2,
                    End = model.Layers,
                    Replays = 2,
                    FromFraction = Pick(random, 0, 0.5),
                }
            ),
            Recurrence = Pick(random, null, new RecurrenceRecipe { FromFraction = 0.5 }),
            Windows = Pick<IReadOnlyList<WindowPhase>>(random, [], [new WindowPhase(1, 2, 5)]),
            Recompute = Flip(random),
            Selection = Selection(random),
            Optimizer = new OptimizerRecipe
            {
                LearningRateMultiplier = 0.7,
                RowNormalization = Flip(random),
                Orthogonalization = Pick(random, OrthogonalizationPrecision.F32, OrthogonalizationPrecision.BF16),
                AttentionGates = Pick(random, GateOptimizer.Muon, GateOptimizer.AdamW),
                LearningRate = Pick(random, new LearningRateSchedule(), new LearningRateSchedule { Shape = LearningRateShape.Cycle }),
                Decay = Pick(random, new WeightDecaySchedule(), new WeightDecaySchedule { Shape = WeightDecayShape.InverseToLearningRate }),
            },
        };

    private static SelectionRecipe Selection(Random random)
    {
        var ema = new EmaRecipe
        {
            Form = Pick(random, Enum.GetValues<EmaForm>()),
            Every = 2,
            FromFraction = Pick(random, 0, 0.5),
        };
        return Pick(
            random,
            new SelectionRecipe(),
            new SelectionRecipe { LateCheckpoints = 3 },
            new SelectionRecipe { Rule = SelectionRule.BestValidation },
            new SelectionRecipe { Rule = SelectionRule.BestFitness, Ema = ema },
            new SelectionRecipe
            {
                Rule = SelectionRule.Averaged,
                Ema = ema,
                Swa = new SwaRecipe { LastEpochs = 2, ByRecency = Flip(random) },
            }
        );
    }

    private static (IReadOnlyList<TensorData> Final, IReadOnlyList<TensorData> Snapshot) Finished(StageInputs inputs)
    {
        // Without the continuation's plan this is the fresh first stage of the chain.
        using var training = StageTraining.Begin(inputs, ComputeDevices.SingleCpu);
        var final = SmallStage.Run(training);
        return (final, training.Snapshot());
    }

    private static bool Flip(Random random) => random.Next(2) == 0;

    private static T Pick<T>(Random random, params ReadOnlySpan<T> choices) => choices[random.Next(choices.Length)];
}
