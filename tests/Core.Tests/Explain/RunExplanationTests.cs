using Slowrun.Core.Explain;
using Slowrun.Core.Models;
using Slowrun.Core.Plan;
using Slowrun.Core.Recipes;
using Slowrun.Core.Specs;

namespace Slowrun.Core.Tests.Explain;

public sealed class RunExplanationTests
{
    private static readonly ExplainRates Rates = new(100e6);

    [Theory]
    [InlineData("slowrun-10x", 1.810)]
    [InlineData("slowrun-snapshots", 1.870)]
    [InlineData("slowrun-1h", 1.444)]
    [InlineData("slowrun-15m", 0.3169)]
    public void Parameters_OfUpstreamsPresets_AreUpstreamsToFourDigits(string preset, double billions)
    {
        var parameters = Explain(preset).Parameters;

        Assert.Equal(billions, Math.Round(parameters.Total / 1e9, preset == "slowrun-15m" ? 4 : 3));
        Assert.Equal(
            parameters.Total,
            parameters.Embedding
                + parameters.Unembedding
                + parameters.Attention
                + parameters.Mlp
                + parameters.ValueProjections
                + parameters.MtpBlock
                + parameters.ScalarsAndMixes
        );
        Assert.Equal(4 * 2048L * 2048 * 30, Explain("slowrun-10x").Parameters.Attention);
    }

    /// <summary>A stage that is trained does not look like one before it that is not, though their settings are the same.</summary>
    [Fact]
    public void Stages_OfImportedWeights_TrainNothingAndTheOthersAsEver()
    {
        var spec = SpecReader.FromPreset(
            "micro",
            new SpecOverrides { Set = [$"chains=[{{stages: 2, imported: [{new string('a', 64)}]}}]"] }
        );

        var explained = RunExplanation.Of(spec, null, Rates, tensors => tensors.Sum(tensor => tensor.LengthBytes));

        Assert.Equal([(1, 0L, true), (8, 512L, false)], explained.Stages.Select(stage => (stage.Steps, stage.Tokens, stage.Imported)));
        Assert.Null(MemoryCheck.Of(ImportedAlone(spec), null, new SlotMemory("cpu:0", 1)));
    }

    private static RunSpec ImportedAlone(RunSpec spec) =>
        spec with
        {
            Recipe = spec.Recipe with { Chains = [spec.Recipe.Chains[0] with { Stages = 1 }] },
        };

    [Fact]
    public void Stages_OfTheTenTimesPreset_HaveUpstreamsStepsAndLayerApplications()
    {
        var explained = Explain("slowrun-10x");

        Assert.Equal([3050, .. Enumerable.Repeat(6100, 9)], explained.Stages.Select(stage => stage.Steps));
        Assert.All(explained.Stages, stage => Assert.Equal((30, 70), (stage.FlopsPerToken.LayersFirst, stage.FlopsPerToken.LayersLast)));
        Assert.Equal(0, explained.Stages[0].FlopsPerToken.Teacher);
        Assert.All(explained.Stages.Skip(1), stage => Assert.True(stage.FlopsPerToken.Teacher > 0 && stage.MemoryBytes.Teacher > 0));
        Assert.Equal(524_288L * (3050 + (9 * 6100)), explained.Tokens);
        Assert.Equal(1, explained.ParallelStages);
        Assert.Equal(5, Explain("slowrun-snapshots").ParallelStages);
    }

    [Theory]
    [InlineData(4, 4, 2.5)]
    [InlineData(3, 4, 2.5)]
    [InlineData(1, 4, 1.75)]
    [InlineData(0, 4, 1)]
    public void Keys_OfAWindow_AreTheMeanOverARow(int window, int sequenceLength, double expected) =>
        Assert.Equal(expected, PassFlops.Keys(window, sequenceLength), 12);

    [Fact]
    public void Flops_OfASmallModel_AreWhatTheirFormulaGivesByHand()
    {
        // Two layers of width 32, one head, windows of the whole row of 8; only the last has a value embedding.
        var set = new[]
        {
            "model={layers: 2, width: 32, heads: 1, sequenceLength: 8, windowPattern: L}",
            "stage.batchTokens=64",
            "stage.loop=null",
            "stage.distillation=null",
        };
        const double Block = (2 * ((4 * 32 * 32) + (3 * 32 * 256) + 12)) + (4 * 32 * 4.5);
        const double Value = 2 * ((32 * 32) + 32);
        const double Forward = (2 * Block) + Value + (2 * 32 * 257);

        var flops = Explain("tiny", set).Stages[0].FlopsPerToken;

        Assert.Equal((Forward, 2 * Forward, 0.0, 0.0), (flops.Forward, flops.Backward, flops.Recomputed, flops.Teacher));
        Assert.Equal(Forward - (2 * 32 * 257), Explain("tiny", [.. set, "stage.recompute=true"]).Stages[0].FlopsPerToken.Recomputed);
    }

    [Fact]
    public void Flops_OfALoopFromHalfWay_AreTheMeanOfBothHalves()
    {
        string[] always = ["stage.loop.fromFraction=0"],
            half = ["stage.loop.fromFraction=0.5"],
            never = ["stage.loop=null"];

        var forward = new[] { never, half, always }.Select(set => Explain("tiny", set).Stages[0].FlopsPerToken.Forward).ToArray();

        Assert.Equal((forward[0] + forward[2]) / 2, forward[1], 6);
    }

    [Fact]
    public void Flops_OfARecurrence_CountTheGradientOnce()
    {
        var once = Explain("tiny", "stage.loop=null", "stage.distillation=null").Stages[0].FlopsPerToken;
        var twice = Explain("tiny", "stage.loop=null", "stage.distillation=null", "stage.recurrence={passes: 2, fromFraction: 0}")
            .Stages[0]
            .FlopsPerToken;

        Assert.Equal(once.Backward, twice.Backward);
        Assert.Equal((2 * once.Forward) - (2 * 32 * 257), twice.Forward);
    }

    [Fact]
    public void Flops_WithNarrowerWindowsAtFirst_AreFewer()
    {
        var wide = Explain("tiny").Stages[0].FlopsPerToken.Forward;
        var narrow = Explain("tiny", "stage.windows=[{untilEpoch: 3, shortWindow: 2, longWindow: 4}]").Stages[0].FlopsPerToken.Forward;

        Assert.True(narrow < wide);
    }

    [Fact]
    public void TimeAndCost_OfSeveralChains_FollowFromTheSlotsThatShareThem()
    {
        var spec = SpecReader.FromPreset("demo");
        var chains = RunExplanation
            .Of(spec, null, Rates, _ => 0)
            .Stages.GroupBy(stage => stage.Id.Chain)
            .Select(chain => chain.Sum(stage => stage.Tokens))
            .ToArray();

        var own = RunExplanation.Of(spec, null, Rates with { TokensPerSecond = 100, PricePerSlotHour = 3 }, _ => 0);
        var shared = RunExplanation.Of(spec, null, Rates with { TokensPerSecond = 100, Slots = 1 }, _ => 0);

        Assert.Equal(chains.Max() / 100.0, own.WallSeconds);
        Assert.Equal(chains.Sum() / 100.0, shared.WallSeconds);
        Assert.Equal(chains.Sum() / 100.0 / 3600 * 3, own.Cost!.Value, 9);
        Assert.Null(shared.Cost);
    }

    [Theory]
    [InlineData(3_000_000_000, true)]
    [InlineData(3_000_000_001, false)]
    public void Upload_OfACheckpoint_FitsTheNoticeOrNot(long bytes, bool fits)
    {
        var explained = RunExplanation.Of(SpecReader.FromPreset("tiny"), null, Rates, _ => bytes);

        Assert.Equal((bytes / 100e6, fits), (explained.UploadSeconds, explained.UploadFitsNotice));
    }

    [Fact]
    public void TrainTokens_OfPreparedData_DecideTheSteps() =>
        Assert.True(
            RunExplanation.Of(SpecReader.FromPreset("tiny"), 20_000, Rates, _ => 0).Stages[0].Steps > Explain("tiny").Stages[0].Steps
        );

    [Fact]
    public void Memory_OfAveragesAndLateWeights_IsTheirs()
    {
        var flat = Explain("tiny").Stages[0].MemoryBytes.Weights;

        Assert.Equal(flat + sizeof(long), Explain("tiny", "stage.selection.ema={}").Stages[0].MemoryBytes.Averages);
        Assert.Equal(2 * flat, Explain("tiny", "stage.selection.lateCheckpoints=3").Stages[0].MemoryBytes.Averages);
        Assert.Equal(2 * flat, Explain("tiny").Stages[0].MemoryBytes.Gradients);
        Assert.True(flat >= 4 * ParameterTable.Count(SpecReader.FromPreset("tiny").Recipe.Model));
    }

    /// <summary>The second stages have one recipe, and teachers that are passed otherwise.</summary>
    [Fact]
    public void Stages_WhoseTeachersHaveOtherLoops_AreExplainedApart()
    {
        string[] set =
        [
            "chains=[{stages: 2}, {stages: 2, firstStage: {loop: null}}, {stages: 2}]",
            "stage.distillation.teacher=AllEarlier",
        ];
        var spec = SpecReader.FromPreset("tiny", new SpecOverrides { Set = set });
        var plans = new RunPlan(spec.Recipe).Stages;
        Assert.Equal(CanonicalJson.Sha256(plans[1].Stage), CanonicalJson.Sha256(plans[3].Stage));

        var taught = Explain("tiny", set).Stages.Where(stage => stage.Id.Stage == 1).Select(stage => stage.FlopsPerToken).ToList();

        Assert.True(taught[0].Teacher > taught[1].Teacher);
        Assert.Equal(
            plans.Where(plan => plan.Id.Stage == 1).Select(plan => StageFlops.Of(plan, new StageSteps(plan, spec.Recipe.Data.TrainTokens))),
            taught
        );
        Assert.Equal(taught[0], taught[2]);
    }

    private static RunExplanation Explain(string preset, params string[] set) =>
        RunExplanation.Of(
            SpecReader.FromPreset(preset, new SpecOverrides { Set = set }),
            null,
            Rates,
            tensors => tensors.Sum(tensor => tensor.LengthBytes)
        );
}
