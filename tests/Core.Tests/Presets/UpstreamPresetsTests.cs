using Slowrun.Core.Explain;
using Slowrun.Core.Models;
using Slowrun.Core.Plan;
using Slowrun.Core.Presets;
using Slowrun.Core.Recipes;
using Slowrun.Core.Schedules;
using Slowrun.Core.Specs;

namespace Slowrun.Core.Tests.Presets;

/// <summary>Facts about upstream's runs that follow from their recipes: where one does not, a value is wrong.</summary>
public sealed class UpstreamPresetsTests
{
    [Theory]
    [InlineData("slowrun-10x", 1.810)]
    [InlineData("slowrun-record10", 1.810)]
    [InlineData("slowrun-record11", 1.870)]
    [InlineData("slowrun-snapshots", 1.870)]
    [InlineData("slowrun-1h", 1.444)]
    [InlineData("slowrun-2h", 1.444)]
    [InlineData("slowrun-15m", 0.317)]
    [InlineData("slowrun-universal", 0.517)]
    public void Count_OfThePresetsModel_IsUpstreams(string preset, double billions) =>
        Assert.Equal(billions, Math.Round(ParameterTable.Count(Recipe(preset).Model) / 1e9, 3));

    [Theory]
    [InlineData("slowrun-10x", 5632)]
    [InlineData("slowrun-1h", 4864)]
    [InlineData("slowrun-15m", 2816)]
    [InlineData("slowrun-universal", 16384)]
    public void HiddenWidth_OfThePresetsModel_IsUpstreams(string preset, int expected) =>
        Assert.Equal(expected, ParameterTable.HiddenWidth(Recipe(preset).Model));

    [Fact]
    public void Plan_OfTheTenTimesPreset_HasUpstreamsStepsAndLoopStarts()
    {
        var plan = new RunPlan(Recipe("slowrun-10x"));
        var (first, second) = (plan.Stages[0], plan.Stages[1]);

        Assert.Equal(3050, StageSteps.Of(first, first.Data.TrainTokens));
        Assert.Equal(6100, StageSteps.Of(second, second.Data.TrainTokens));
        Assert.Equal(9, StageLengths.LoopFirstEpoch(first.Stage.Loop!.FromFraction, first.Stage.Epochs));
        Assert.Equal(17, StageLengths.LoopFirstEpoch(second.Stage.Loop!.FromFraction, second.Stage.Epochs));
        Assert.Equal(10, plan.Stages.Count);
        Assert.Equal(9, plan.Members.Count());
        Assert.Equal(Enumerable.Range(42, 10), plan.Stages.Select(stage => stage.Seed));
        Assert.Null(first.Teacher);
        Assert.Equal(first.Id, second.Teacher);
    }

    /// <summary>What each of upstream's changes of its programs is: all other values are those of the record before.</summary>
    [Fact]
    public void Recipe_OfTheTenthAndEleventhRecord_IsTheOneBeforeWithItsChanges()
    {
        var (ninth, tenth, eleventh) = (Recipe("slowrun-10x"), Recipe("slowrun-record10"), Recipe("slowrun-record11"));

        Assert.Equal(
            CanonicalJson.Sha256(
                ninth with
                {
                    Chains = [ninth.Chains[0] with { Stages = 20 }],
                    Ensemble = new EnsembleRecipe { Average = EnsembleAverage.Probabilities, ExcludeFirstStages = 13 },
                }
            ),
            CanonicalJson.Sha256(tenth)
        );
        Assert.Equal(
            CanonicalJson.Sha256(
                tenth with
                {
                    Model = tenth.Model with { HeadMixing = true, MtpBlock = true, Initialization = Initialization.NormalOutput },
                    Stage = tenth.Stage with { Optimizer = tenth.Stage.Optimizer with { RowNormalization = true } },
                    Ensemble = tenth.Ensemble with { ExcludeFirstStages = 1 },
                }
            ),
            CanonicalJson.Sha256(eleventh)
        );
        Assert.Equal((7, 19), (new RunPlan(tenth).Members.Count(), new RunPlan(eleventh).Members.Count()));
    }

    [Fact]
    public void Plan_OfTheSnapshotsPreset_HasUpstreamsCycles()
    {
        var plan = new RunPlan(Recipe("slowrun-snapshots"));
        var chain = plan.Stages.Take(96).ToArray();

        Assert.Equal(480, plan.Members.Count());
        Assert.Equal([393216, 393216, 524288, 524288, 393216], new[] { 0, 23, 24, 71, 95 }.Select(cycle => chain[cycle].Stage.BatchTokens));
        Assert.Equal([508, 381, 508], new[] { 0, 48, 95 }.Select(cycle => StageSteps.Of(chain[cycle], chain[cycle].Data.TrainTokens)));
        Assert.All(chain.Take(8), stage => Assert.Null(stage.Teacher));
        Assert.All(chain.Skip(8), stage => Assert.Equal(stage.Id.Before, stage.Teacher));
        Assert.All(chain.Skip(1), stage => Assert.Equal(stage.Id.Before, stage.Predecessor));
    }

    [Fact]
    public void Plan_OfTheOneHourPreset_HasUpstreamsSteps()
    {
        var stage = new RunPlan(Recipe("slowrun-1h")).Stages[0];

        Assert.Equal(2097, StageSteps.Of(stage, stage.Data.TrainTokens));
        Assert.Equal(7, StageLengths.LoopFirstEpoch(stage.Stage.Loop!.FromFraction, stage.Stage.Epochs));
    }

    /// <summary>Its steps, loop and windows; all other values are those of the 1-hour track.</summary>
    [Fact]
    public void Plan_OfTheTwoHourPreset_HasUpstreamsStepsAndWindows()
    {
        var stage = new RunPlan(Recipe("slowrun-2h")).Stages[0];
        var steps = new StageSteps(stage, stage.Data.TrainTokens);
        AttentionWindows At(int epoch) =>
            StepPass.At(stage, steps, Enumerable.Range(0, steps.Steps).First(step => steps.EpochOf(step) == epoch - 1)).Windows;

        Assert.Equal(4194, steps.Steps);
        Assert.Equal(14, StageLengths.LoopFirstEpoch(stage.Stage.Loop!.FromFraction, stage.Stage.Epochs));
        Assert.Equal([new(256, 768), new(256, 768), new(768, 1792), new(768, 1792), new(1280, 2048)], new[] { 1, 6, 7, 13, 14 }.Select(At));
        var hour = Recipe("slowrun-1h");
        Assert.Equal(
            CanonicalJson.Sha256(
                hour with
                {
                    Model = hour.Model with { ShortWindow = 1280, LongWindow = 2048, Yarn = new YarnRecipe() },
                    Stage = hour.Stage with
                    {
                        Epochs = 22,
                        Loop = hour.Stage.Loop! with { FromFraction = 0.58 },
                        Windows = [new(6, 256, 768), new(13, 768, 1792)],
                        Optimizer = hour.Stage.Optimizer with
                        {
                            LearningRate = hour.Stage.Optimizer.LearningRate with { AveragedEpochs = 8 },
                        },
                        Selection = hour.Stage.Selection with { LateCheckpoints = 11, LateByRecency = true },
                    },
                }
            ),
            CanonicalJson.Sha256(Recipe("slowrun-2h"))
        );
    }

    /// <summary>Upstream's schedule is "0:10,1533:20".</summary>
    [Fact]
    public void Plan_OfTheUniversalPreset_HasUpstreamsStepsAndDepths()
    {
        var stage = new RunPlan(Recipe("slowrun-universal")).Stages[0];
        var steps = new StageSteps(stage, stage.Data.TrainTokens);

        Assert.Equal(2288, steps.Steps);
        Assert.Equal([10, 10, 20, 20], new[] { 0, 1532, 1533, 2287 }.Select(step => StepPass.At(stage, steps, step).Layers));
        Assert.Equal([0, 1, 2, 3, 4, 15, 16, 17, 18, 19], LayerVisits.Of(20, null, 10));
        Assert.Equal((10, 20), (StageFlops.Of(stage, steps).LayersFirst, StageFlops.Of(stage, steps).LayersLast));
        Assert.Equal(10 + (10 * 0.33), LayerVisits.Mean(20, stage.Stage), 1e-9);
    }

    /// <summary>Counted by its program's formulas, as its names are.</summary>
    [Fact]
    public void Parameters_OfTheUniversalPreset_AreUpstreams()
    {
        var model = Recipe("slowrun-universal").Model;
        var table = ParameterTable.Of(model);

        Assert.Equal(516_710_962, ParameterTable.Count(model));
        string[] first = ["resid_lambdas", "x0_lambdas", "skip_weights", "encoder_attns.0.q_mix", "encoder_attns.0.k_mix"];
        Assert.Equal(first, table.Take(5).Select(parameter => parameter.Name));
        Assert.Equal(
            [
                "attn_norms.0.weight",
                "attn_norms.0.bias",
                "attn_norms.1.weight",
                "attn_norms.1.bias",
                "mlp_norm.weight",
                "mlp_norm.bias",
                "q_norms.0.weight",
                "q_norms.0.bias",
                "q_norms.1.weight",
                "q_norms.1.bias",
                "k_norms.0.weight",
                "k_norms.0.bias",
                "k_norms.1.weight",
                "k_norms.1.bias",
                "ve_gates.0.weight",
                "ve_gates.1.weight",
                "attn_gates.0.weight",
                "attn_gates.1.weight",
            ],
            table
                .Where(parameter => parameter.Name.StartsWith("transformer.h.19.", StringComparison.Ordinal))
                .Select(parameter => parameter.Name["transformer.h.19.".Length..])
        );
    }

    /// <summary>Shared matrices learn as all others; norms as scalars, without decay. What comes in later is in groups of its
    /// own.</summary>
    [Fact]
    public void Groups_OfTheUniversalPreset_AreUpstreams()
    {
        var recipe = Recipe("slowrun-universal");
        var table = ParameterTable.Of(recipe.Model);

        var groups = ParameterGroups.Of(table, recipe.Model, recipe.Stage);

        var norms = groups.Where(group => group.Parameters.Any(parameter => parameter.Role == ParameterRole.NormGain)).ToList();
        Assert.Equal([0, 0.67], norms.Select(group => group.FromFraction));
        Assert.All(norms, group => Assert.Equal((OptimizerKind.AdamW, 0.025, 0.0), (group.Kind, group.LearningRate, group.WeightDecay)));
        Assert.All(norms[1].Parameters, parameter => Assert.InRange(parameter.Layer!.Value, 5, 14));
        var squares = groups.Where(group => group.Kind == OptimizerKind.Muon && group.Parameters[0].Shape is [2048, 2048]).ToList();
        // Of four attentions four each, and the value projections of layers 1, 3, 15, 17 and 19; then those of 5 to 13.
        Assert.Equal([(0, 21), (0.67, 5)], squares.Select(group => (group.FromFraction, group.Parameters.Count)));
        Assert.All(squares, group => Assert.Equal((0.01, 0.8), (group.LearningRate, group.WeightDecay)));
    }

    // Each value, and each of the article's in a comment.
    [Theory]
    [InlineData("slowrun-10x")]
    [InlineData("slowrun-record10")]
    [InlineData("slowrun-record11")]
    [InlineData("slowrun-snapshots")]
    [InlineData("slowrun-1h")]
    [InlineData("slowrun-15m")]
    public void Set_FromAPresetsComment_IsUnderstood(string preset)
    {
        var text = PresetFiles.TryRead(preset)!;
        var sets = text.Split("--set ")[1..]
            .Select(rest => rest.Split(['\n', ' '])[0])
            .Where(set => set.Contains('=', StringComparison.Ordinal));

        foreach (var set in sets)
        {
            var spec = SpecReader.FromPreset(preset, new SpecOverrides { Set = [set] });

            Assert.NotEqual(CanonicalJson.Sha256(Recipe(preset)), CanonicalJson.Sha256(spec.Recipe));
        }
    }

    private static Recipe Recipe(string preset) => SpecReader.FromPreset(preset).Recipe;
}
