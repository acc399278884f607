using Slowrun.Core.Models;
using Slowrun.Core.Plan;
using Slowrun.Core.Recipes;
using Slowrun.Core.Tensors;
using Slowrun.Tests.Transformers;
using Slowrun.Training.Inference;
using Slowrun.Training.Models;
using Slowrun.Training.Parameters;
using Slowrun.Training.Tests.Stages;
using TorchSharp;
using static TorchSharp.torch;

namespace Slowrun.Training.Tests.Inference;

/// <summary>Reading token by token gives what reading all at once gives, with every option of the model.</summary>
public sealed class CachedModelTests
{
    private static readonly ModelRecipe Model = new()
    {
        VocabSize = 60,
        SequenceLength = 24,
        Layers = 4,
        Heads = 2,
        Width = 32,
    };

    private static readonly LoopRecipe Loop = new()
    {
        Start = 2,
        End = 4,
        Replays = 2,
    };

    public static TheoryData<string> Options => [.. Cases.Keys];

    private static Dictionary<string, (ModelRecipe Model, StageRecipe Stage)> Cases { get; } =
        new()
        {
            ["record 9"] = (Model, new() { Loop = Loop }),
            ["no loop"] = (Model, new()),
            ["narrow windows"] = (Model with { ShortWindow = 3, LongWindow = 7 }, new() { Loop = Loop }),
            ["a window of one key"] = (Model with { ShortWindow = 1, WindowPattern = "S" }, new()),
            ["all layers long"] = (Model with { WindowPattern = "L" }, new() { Loop = Loop }),
            ["recurrence"] = (Model, new() { Recurrence = new RecurrenceRecipe { Passes = 3 } }),
            ["recurrence and loop"] = (
                Model,
                new()
                {
                    Loop = Loop,
                    Recurrence = new RecurrenceRecipe { Passes = 2 },
                }
            ),
            ["half RoPE"] = (Model with { HalfRope = true, RopePrecision = RopePrecision.BF16 }, new()),
            ["YaRN"] = (
                Model with
                {
                    Yarn = new YarnRecipe { LongWindows = [3, 9], Beta = 2 },
                    ShortWindow = 5,
                },
                new() { Loop = Loop }
            ),
            ["key offset"] = (Model with { KeyOffset = true, ShortWindow = 4 }, new() { Loop = Loop }),
            ["key offset everywhere"] = (
                Model with
                {
                    KeyOffset = true,
                    WindowPattern = "L",
                    LongWindow = 6,
                },
                new() { Recurrence = new RecurrenceRecipe() }
            ),
            ["heads mixed"] = (Model with { HeadMixing = true }, new() { Loop = Loop }),
            ["queries and keys mixed"] = (Model with { HeadMixing = true, HeadMixingValues = false }, new()),
            ["XSA, learnt"] = (Model with { Xsa = new XsaRecipe() }, new() { Loop = Loop }),
            ["XSA, fixed, first layers"] = (
                Model with
                {
                    Xsa = new XsaRecipe { Strength = XsaStrength.Fixed, FirstLayers = 2 },
                },
                new()
            ),
            ["multi-token block"] = (Model with { MtpBlock = true }, new()),
            ["unembedding transposed"] = (Model with { TransposedUnembedding = true, Softcap = 10 }, new()),
            ["shared blocks"] = (Model with { SharedBlocks = new SharedBlocksRecipe { HiddenMultiple = 2 } }, new()),
            ["shared blocks, heads mixed"] = (
                Model with
                {
                    SharedBlocks = new SharedBlocksRecipe { HiddenMultiple = 1 },
                    HeadMixing = true,
                    ShortWindow = 3,
                },
                new() { Depth = [new(0.5, 2)] }
            ),
            ["shared blocks of three attentions, twice"] = (
                Model with
                {
                    SharedBlocks = new SharedBlocksRecipe { Attentions = 3, HiddenMultiple = 2 },
                    HalfRope = true,
                    TransposedUnembedding = true,
                },
                new() { Recurrence = new RecurrenceRecipe() }
            ),
            ["everything"] = (
                Model with
                {
                    HalfRope = true,
                    KeyOffset = true,
                    HeadMixing = true,
                    Xsa = new XsaRecipe(),
                    MtpBlock = true,
                    TransposedUnembedding = true,
                    ShortWindow = 5,
                    LongWindow = 9,
                },
                new()
                {
                    Loop = Loop,
                    Recurrence = new RecurrenceRecipe { Passes = 2 },
                }
            ),
        };

    [Theory]
    [MemberData(nameof(Options))]
    public void Read_InWhateverPieces_GivesTheLogitsOfTheWholePass(string option)
    {
        using var scope = NewDisposeScope();
        var (plan, weights) = Given(option);
        int[] tokens = [.. Enumerable.Range(0, plan.Model.SequenceLength).Select(i => (i * i * 7 + 3) % plan.Model.VocabSize)];
        var whole = Whole(plan, weights, tokens);

        using var cached = new CachedModel(plan, weights, CPU);
        foreach (var first in (int[])[1, 2, 9, tokens.Length])
        {
            cached.Forget();
            List<Tensor> pieces = [cached.Read(tokens.AsSpan(0, first), lastOnly: false)];
            for (var i = first; i < tokens.Length; i++)
            {
                pieces.Add(cached.Read(tokens.AsSpan(i, 1), lastOnly: false));
            }

            Close.Max(whole, cat([.. pieces]), 2e-5, $"{option}, {first} first");
        }
    }

    [Fact]
    public void Read_WithProductsInBFloat16_StaysWithinTheirRounding()
    {
        using var scope = NewDisposeScope();
        var plan = Plan(Model with { Products = MatrixPrecision.BF16, ShortWindow = 5 }, new() { Loop = Loop });
        var weights = Weights(plan);
        int[] tokens = [.. Enumerable.Range(0, 20).Select(i => (i * 11) % plan.Model.VocabSize)];

        using var cached = new CachedModel(plan, weights, CPU);
        var pieces = tokens.Select(token => cached.Read([token], lastOnly: false)).ToArray();

        Close.Max(Whole(plan, weights, tokens), cat(pieces), 0.3, "bfloat16");
    }

    [Theory]
    [InlineData("A_rec9_gpt", "dupe_on__rope_f32")]
    [InlineData("B_head_gpt", "dupe_on__rope_f32")]
    public void Read_TokenByToken_GivesUpstreamsLogits(string family, string name)
    {
        using var scope = NewDisposeScope();
        var json = FixtureSet.Json(family);
        var io = FixtureSet.Tensors(family + "_io");
        var fixture = new Models.GptFixture(json["config"]!.AsObject(), family + "_weights");
        var plan = Plan(fixture.Model, new() { Loop = Models.GptFixture.Loop(json["cases"]![name]!["dupe"]) });
        IReadOnlyList<TensorData> weights = [.. FixtureSet.Tensors(family + "_weights").Values];
        var ids = io["idx"].Torch();

        using var cached = new CachedModel(plan, weights, CPU);
        for (var row = 0; row < ids.shape[0]; row++)
        {
            cached.Forget();
            var read = Enumerable
                .Range(0, (int)ids.shape[1])
                .Select(i => cached.Read([(int)ids[row, i].ToInt64()], lastOnly: false))
                .ToArray();

            Close.Max(io[$"logits.{name}"].Torch()[row], cat(read), 2e-5, $"row {row}");
        }
    }

    [Fact]
    public void Read_OfSeveralTokensAfterOthers_IsRefused()
    {
        var (plan, weights) = Given("record 9");
        using var cached = new CachedModel(plan, weights, CPU);
        using var scope = NewDisposeScope();
        cached.Read([1, 2]);

        Assert.Throws<ArgumentException>(() => cached.Read([3, 4]));
    }

    [Fact]
    public void Read_OfMoreTokensThanThereArePositions_IsRefused()
    {
        var (plan, weights) = Given("record 9");
        using var cached = new CachedModel(plan, weights, CPU);
        using var scope = NewDisposeScope();
        cached.Read(new int[plan.Model.SequenceLength]);

        Assert.Throws<ArgumentException>(() => cached.Read([1]));
    }

    internal static StagePlan Plan(ModelRecipe model, StageRecipe stage) => SmallStage.Inputs(stage, model).Plan;

    internal static IReadOnlyList<TensorData> Weights(StagePlan plan, int seed = 1) => SmallModels.Weights(plan.Model, seed);

    internal static Tensor Whole(StagePlan plan, IReadOnlyList<TensorData> weights, int[] tokens)
    {
        using var noGradient = no_grad();
        var table = ParameterTable.Of(plan.Model);
        using var parameters = new FlatParameters(ParameterGroups.Layout(table, ParameterGroups.Of(table, plan.Stage.Optimizer)), CPU);
        parameters.Load(weights);
        using var source = new ParameterSource(parameters, null);
        using var gpt = new Gpt(plan.Model, CPU);
        var given = GptWeights.Of(plan.Model, source);
        return gpt.Logits(
            given,
            gpt.Hidden(given, tensor(tokens, [1, tokens.Length], ScalarType.Int64), StepSettings.Finished(plan.Model, plan.Stage))
        );
    }

    internal static (StagePlan Plan, IReadOnlyList<TensorData> Weights) Given(string option)
    {
        var plan = Plan(Cases[option].Model, Cases[option].Stage);
        return (plan, Weights(plan));
    }
}
