using Slowrun.Core.Plan;
using Slowrun.Core.Specs;

namespace Slowrun.Core.Tests.Specs;

public sealed class SpecRulesTests
{
    private const string Hash = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";

    [Theory]
    [InlineData("model.layers=5", "recipe.model.layers")]
    [InlineData("model.heads=3", "recipe.model.heads")]
    [InlineData("model.heads=0", "recipe.model.heads")]
    [InlineData("model.width=24", "recipe.model.width")]
    [InlineData("model.width=34", "recipe.model.heads")]
    [InlineData("model.windowPattern=SXL", "recipe.model.windowPattern")]
    [InlineData("model.softcap=0", "recipe.model.softcap")]
    [InlineData("model.vocabSize=256", "recipe.model.vocabSize")]
    [InlineData("model.sequenceLength=1", "recipe.model.sequenceLength")]
    [InlineData("stage.batchTokens=200", "recipe.stage.batchTokens")]
    [InlineData("stage.batchTokens=0", "recipe.stage.batchTokens")]
    [InlineData("stage.deviceRows=0", "recipe.stage.deviceRows")]
    [InlineData("stage.lanes=3", "recipe.stage.lanes")]
    [InlineData("stage.lanes=4", "recipe.stage.lanes")]
    [InlineData("stage.epochs=0", "recipe.stage.epochs")]
    [InlineData("stage.epochs=1e12", "recipe.stage.epochs")]
    [InlineData("stage.dropout=1", "recipe.stage.dropout")]
    [InlineData("stage.dropoutSchedule={end: 1, fromEpoch: 1}", "recipe.stage.dropoutSchedule.end")]
    [InlineData("stage.dropoutSchedule={fromEpoch: 7}", "recipe.stage.dropoutSchedule.fromEpoch")]
    [InlineData("stage.clipNorm=-1", "recipe.stage.clipNorm")]
    [InlineData("stage.loop.start=1", "recipe.stage.loop")]
    [InlineData("stage.loop.end=5", "recipe.stage.loop")]
    [InlineData("stage.loop.replays=0", "recipe.stage.loop.replays")]
    [InlineData("stage.loop.fromFraction=2", "recipe.stage.loop.fromFraction")]
    [InlineData("stage.distillation.alpha=1.5", "recipe.stage.distillation.alpha")]
    [InlineData("stage.distillation.temperature=0", "recipe.stage.distillation.temperature")]
    [InlineData("stage.distillation.fromStage=0", "recipe.stage.distillation.fromStage")]
    [InlineData("stage.optimizer.warmdown=1.5", "recipe.stage.optimizer.warmdown")]
    [InlineData("stage.optimizer.weightDecay=-1", "recipe.stage.optimizer.weightDecay")]
    [InlineData("stage.optimizer.learningRateMultiplier=0", "recipe.stage.optimizer.learningRateMultiplier")]
    [InlineData("chains=[]", "recipe.chains")]
    [InlineData("chains[0].stages=0", "recipe.chains[0].stages")]
    [InlineData("chains[0].imported=[]", "recipe.chains[0].imported")]
    [InlineData("chains[0].imported=[abc]", "recipe.chains[0].imported")]
    [InlineData("chains[0]={stages: 1, imported: [" + Hash + ", " + Hash + "]}", "recipe.chains[0].imported")]
    [InlineData("chains[0]={stages: 2, imported: [" + Hash + "], stage: {continuation: {}}}", "recipe.chains[0].imported")]
    [InlineData("ensemble.excludeFirstStages=2", "recipe.ensemble.excludeFirstStages")]
    [InlineData("ensemble.selection={sizes: []}", "recipe.ensemble.selection.sizes")]
    [InlineData("ensemble.selection={sizes: [2, 0]}", "recipe.ensemble.selection.sizes")]
    [InlineData("ensemble.selection={steps: 0}", "recipe.ensemble.selection.steps")]
    [InlineData("ensemble={average: Logits, selection: {}}", "recipe.ensemble.selection")]
    [InlineData("evaluation.rows=0", "recipe.evaluation.rows")]
    [InlineData("data.source=web", "recipe.data.source")]
    [InlineData("data.trainTokens=256", "recipe.data.trainTokens")]
    [InlineData("data.validationTokens=1", "recipe.data.validationTokens")]
    [InlineData("data.sha256=abc", "recipe.data.sha256")]
    [InlineData("chains[1].stage.dropout=2", "recipe.chains[1].stage.dropout")]
    [InlineData("chains[1].firstStage.epochs=-2", "recipe.chains[1].firstStage.epochs")]
    [InlineData("operations.keepCheckpoints=1", "operations.keepCheckpoints")]
    [InlineData("operations.checkpointAtLeastEvery=1h", "operations.checkpointAtLeastEvery")]
    [InlineData("operations.failureBudget=0", "operations.failureBudget")]
    [InlineData("operations.checkpointEverySteps=0", "operations.checkpointEverySteps")]
    [InlineData("model.padVocabTo=0", "recipe.model.padVocabTo")]
    [InlineData("model.shortWindow=0", "recipe.model.shortWindow")]
    [InlineData("model.shortWindow=33", "recipe.model.shortWindow")]
    [InlineData("model.longWindow=40", "recipe.model.longWindow")]
    [InlineData("model.longWindow=8", "recipe.model.longWindow")]
    [InlineData("model.yarn={longWindows: [16, 16]}", "recipe.model.yarn.longWindows")]
    [InlineData("model.yarn={longWindows: []}", "recipe.model.yarn.longWindows")]
    [InlineData("model.yarn={longWindows: [16], beta: 0.5}", "recipe.model.yarn.beta")]
    [InlineData("model.xsa.firstLayers=5", "recipe.model.xsa.firstLayers")]
    [InlineData("stage.depth=[{untilFraction: 0.5, layers: 2}]", "recipe.stage.depth")]
    [InlineData("stage.depth=[{untilFraction: 1.5, layers: 2}]", "recipe.stage.depth[0].untilFraction")]
    [InlineData("stage.labelSmoothing=1", "recipe.stage.labelSmoothing")]
    [InlineData("stage.stochasticDepth=-0.1", "recipe.stage.stochasticDepth")]
    [InlineData("stage.mtpWeight=-1", "recipe.stage.mtpWeight")]
    [InlineData("stage.outerBatchTokens=200", "recipe.stage.outerBatchTokens")]
    [InlineData("stage.recurrence.passes=0", "recipe.stage.recurrence.passes")]
    [InlineData("stage.futureTokens.weights=[]", "recipe.stage.futureTokens.weights")]
    [InlineData("stage.futureTokens.weights=[0.5, -1]", "recipe.stage.futureTokens.weights[1]")]
    [InlineData("stage.windows=[{untilEpoch: 2, shortWindow: 8, longWindow: 4}]", "recipe.stage.windows")]
    [InlineData(
        "stage.windows=[{untilEpoch: 2, shortWindow: 4, longWindow: 8}, {untilEpoch: 2, shortWindow: 4, longWindow: 8}]",
        "recipe.stage.windows"
    )]
    [InlineData("stage.windows=[{untilEpoch: 2, shortWindow: 4, longWindow: 64}]", "recipe.stage.windows")]
    [InlineData("stage.selection.rule=Averaged", "recipe.stage.selection.rule")]
    [InlineData("stage.selection={rule: BestValidation, lateCheckpoints: 2}", "recipe.stage.selection.lateCheckpoints")]
    [InlineData("stage.selection.lateCheckpoints=7", "recipe.stage.selection.lateCheckpoints")]
    [InlineData("stage.selection.lateByRecency=true", "recipe.stage.selection.lateByRecency")]
    [InlineData("stage.selection.ema.decay=1", "recipe.stage.selection.ema.decay")]
    [InlineData("stage.selection.ema.every=0", "recipe.stage.selection.ema.every")]
    [InlineData("stage.selection.swa.lastEpochs=0", "recipe.stage.selection.swa.lastEpochs")]
    [InlineData("stage.optimizer.headMixLearningRate=-1", "recipe.stage.optimizer.headMixLearningRate")]
    [InlineData("stage.optimizer.momentum.end=1", "recipe.stage.optimizer.momentum.end")]
    [InlineData("stage.optimizer.learningRate={shape: Cycle, warmup: 0.9}", "recipe.stage.optimizer.learningRate.warmup")]
    [InlineData("stage.optimizer.decay={shape: Piecewise}", "recipe.stage.optimizer.decay.points")]
    [InlineData(
        "stage.optimizer.decay={shape: Piecewise, points: [{epoch: 3, factor: 1}, {epoch: 2, factor: 1}]}",
        "recipe.stage.optimizer.decay.points"
    )]
    [InlineData("stage.optimizer.decay.shape=Sawtooth", "recipe.stage.optimizer.decay.shape")]
    [InlineData("stage.continuation={perturbationMaximum: 0.1, perturbationMinimum: 0.2}", "recipe.stage.continuation.perturbationMinimum")]
    [InlineData("chains=[{stages: 6000}, {stages: 6000}]", "recipe.chains")]
    public void Read_WhenOneRuleIsBroken_ReportsThatFieldAndWhereItWasSet(string assignment, string path)
    {
        var e = Assert.Throws<SpecException>(() => SpecReader.FromPreset("tiny", new SpecOverrides { Set = [assignment] }));

        var problem = Assert.Single(e.Problems);
        Assert.Equal(path, problem.Path);
        // A width that the heads do not divide is a problem of the heads, which the preset gave.
        Assert.Equal(assignment == "model.width=34" ? "preset tiny" : $"--set {assignment}", problem.Source);
    }

    [Fact]
    public void Read_WhereAllChainsAreBaselines_IsARunWithoutEnsembleWhichSelectsNothing()
    {
        const string Baselines = "chains=[{role: Baseline}]";
        Assert.False(new RunPlan(SpecReader.FromPreset("tiny", new SpecOverrides { Set = [Baselines] }).Recipe).HasMembers);

        var broken = Assert.Throws<SpecException>(() =>
            SpecReader.FromPreset("tiny", new SpecOverrides { Set = [Baselines, "ensemble.selection={}"] })
        );
        Assert.Contains(broken.Problems, problem => problem.Message.StartsWith("all chains are baselines", StringComparison.Ordinal));
    }

    /// <summary>Positions are rescaled as the windows grow: those of the stage have to be those of the model.</summary>
    [Theory]
    [InlineData("[]", false)]
    [InlineData("[{untilEpoch: 2, shortWindow: 4, longWindow: 8}]", false)]
    [InlineData("[{untilEpoch: 2, shortWindow: 4, longWindow: 16}, {untilEpoch: 3, shortWindow: 4, longWindow: 8}]", false)]
    [InlineData("[{untilEpoch: 2, shortWindow: 4, longWindow: 8}, {untilEpoch: 3, shortWindow: 4, longWindow: 16}]", true)]
    [InlineData(
        "[{untilEpoch: 2, shortWindow: 4, longWindow: 8}, {untilEpoch: 3, shortWindow: 8, longWindow: 16}, "
            + "{untilEpoch: 4, shortWindow: 8, longWindow: 32}]",
        true
    )]
    public void Read_OfAModelThatGrows_TakesTheWindowsThatItGrowsThrough(string windows, bool isRight)
    {
        SpecOverrides set = new() { Set = ["model.yarn={longWindows: [8, 16]}", $"stage.windows={windows}"] };

        if (isRight)
        {
            Assert.NotNull(SpecReader.FromPreset("tiny", set).Recipe.Model.Yarn);
            return;
        }

        var problem = Assert.Single(Assert.Throws<SpecException>(() => SpecReader.FromPreset("tiny", set)).Problems);
        Assert.Equal("recipe.stage.windows", problem.Path);
        Assert.Contains("[8, 16]", problem.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("stage.depth=[{untilFraction: 0.3, layers: 2}, {untilFraction: 0.5, layers: 4}]", null, "")]
    [InlineData("stage.depth=[]", null, "")]
    [InlineData("model.sharedBlocks.hiddenMultiple=0", "recipe.model.sharedBlocks.hiddenMultiple", "expected 1 to 64")]
    [InlineData("model.sharedBlocks.attentions=9", "recipe.model.sharedBlocks.attentions", "expected 1 to 8")]
    [InlineData("model.keyOffset=true", "recipe.model.keyOffset", "shared blocks have no such part")]
    [InlineData("model.xsa={}", "recipe.model.xsa", "shared blocks have no such part")]
    [InlineData("model.mtpBlock=true", "recipe.model.mtpBlock", "shared blocks have no such part")]
    [InlineData("stage.loop={start: 3, end: 4}", "recipe.stage.loop", "more passes of shared blocks are more model.layers")]
    [InlineData("stage.depth=[{untilFraction: 0.5, layers: 3}]", "recipe.stage.depth", "expected an even number of layers")]
    [InlineData("stage.depth=[{untilFraction: 0.5, layers: 6}]", "recipe.stage.depth", "less than the model's 6")]
    [InlineData(
        "stage.depth=[{untilFraction: 0.5, layers: 4}, {untilFraction: 0.6, layers: 2}]",
        "recipe.stage.depth",
        "found 2 layers until 0.6 of the steps, expected an even number of layers, more than 4"
    )]
    [InlineData(
        "stage={depth: [{untilFraction: 0.5, layers: 2}], continuation: {}}",
        "recipe.stage.depth",
        "a continued stage has trained all layers"
    )]
    [InlineData(
        "stage={depth: [{untilFraction: 0.5, layers: 2}], selection: {rule: BestValidation}}",
        "recipe.stage.depth",
        "it may keep weights of fewer layers"
    )]
    [InlineData(
        "stage={epochs: 4, depth: [{untilFraction: 0.5, layers: 2}], selection: {rule: Final, lateCheckpoints: 3}}",
        "recipe.stage.depth",
        "expected less than 0.5, where selection begins to keep weights"
    )]
    [InlineData(
        "stage={epochs: 4, depth: [{untilFraction: 0.6, layers: 2}], selection: {rule: Averaged, ema: {fromFraction: 0.4}}}",
        "recipe.stage.depth",
        "expected less than 0.4"
    )]
    [InlineData("stage={epochs: 4, depth: [{untilFraction: 0.49, layers: 2}], selection: {rule: Final, lateCheckpoints: 3}}", null, "")]
    public void Read_OfSharedBlocks_TakesWhatTheyCanDo(string assignment, string? path, string says)
    {
        SpecOverrides set = new()
        {
            Set = ["model.layers=6", "stage.loop=null", "stage.selection=null", "model.sharedBlocks={}", assignment],
        };

        if (path is null)
        {
            Assert.NotNull(SpecReader.FromPreset("tiny", set).Recipe.Model.SharedBlocks);
            return;
        }

        var problem = Assert.Single(Assert.Throws<SpecException>(() => SpecReader.FromPreset("tiny", set)).Problems);
        Assert.Equal(path, problem.Path);
        Assert.Contains(says, problem.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Read_WhenSeveralRulesAreBroken_ReportsAll()
    {
        var e = Assert.Throws<SpecException>(() =>
            SpecReader.FromPreset("tiny", new SpecOverrides { Set = ["model.layers=5", "stage.dropout=2", "operations.failureBudget=0"] })
        );

        Assert.Equal(
            ["operations.failureBudget", "recipe.model.layers", "recipe.stage.dropout"],
            e.Problems.Select(problem => problem.Path).Where(path => path != "recipe.stage.loop").Order(StringComparer.Ordinal)
        );
    }
}
