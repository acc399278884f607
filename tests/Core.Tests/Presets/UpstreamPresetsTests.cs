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
    public void Count_OfThePresetsModel_IsUpstreams(string preset, double billions) =>
        Assert.Equal(billions, Math.Round(ParameterTable.Count(Recipe(preset).Model) / 1e9, 3));

    [Theory]
    [InlineData("slowrun-10x", 5632)]
    [InlineData("slowrun-1h", 4864)]
    [InlineData("slowrun-15m", 2816)]
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
