using Slowrun.Core.Plan;
using Slowrun.Core.Presets;
using Slowrun.Core.Recipes;
using Slowrun.Core.Specs;

namespace Slowrun.Core.Tests.Specs;

public sealed class SpecReaderTests
{
    public static TheoryData<string> Presets => [.. PresetFiles.Names];

    [Theory]
    [MemberData(nameof(Presets))]
    public void FromPreset_OfEveryPreset_GivesASpecNamedLikeIt(string preset)
    {
        var spec = SpecReader.FromPreset(preset);

        Assert.Equal(preset, spec.Name);
        Assert.NotEmpty(PresetFiles.Summary(preset));
        Assert.All(
            new RunPlan(spec.Recipe).Stages,
            stage => Assert.InRange(StageSteps.Of(stage, spec.Recipe.Data.TrainTokens), 1, 100_000)
        );
    }

    [Theory]
    [MemberData(nameof(Presets))]
    public void Yaml_OfEveryPreset_ReadsBackAsTheSameSpec(string preset)
    {
        var spec = SpecReader.FromPreset(preset);

        var again = SpecReader.FromText(SpecWriter.Yaml(spec), "again.yaml");

        Assert.Equal(CanonicalJson.Serialize(spec), CanonicalJson.Serialize(again));
    }

    [Fact]
    public void FromPreset_OfDemo_HasTwoTaughtChainsAndABaselineOfItsOwnSettings()
    {
        var plan = new RunPlan(SpecReader.FromPreset("demo").Recipe);

        Assert.Equal(
            ["chain0/stage0", "chain0/stage1", "chain1/stage0", "chain1/stage1", "chain2/stage0"],
            plan.Stages.Select(stage => stage.Id.ToString())
        );
        Assert.Equal(4, plan.Members.Count());
        Assert.Equal(new StageId(0, 0), plan[new StageId(0, 1)].Teacher);
        var baseline = plan[new StageId(2, 0)].Stage;
        Assert.Null(baseline.Loop);
        Assert.Null(baseline.Distillation);
        Assert.Equal(0.1, baseline.Optimizer.WeightDecay);
        Assert.Equal(SelectionRule.BestValidation, baseline.Selection.Rule);
    }

    [Fact]
    public void FromText_ThatExtendsAPreset_ChangesOnlyWhatItSays()
    {
        var spec = SpecReader.FromText(
            """
            extends: tiny
            name: mine
            recipe:
              model: {layers: 6}
              stage:
                loop: null
            operations:
              checkpointAtMostEvery: 5m
            """,
            "any.yaml"
        );

        var tiny = SpecReader.FromPreset("tiny");
        Assert.Equal("mine", spec.Name);
        Assert.Equal(tiny.Recipe.Model with { Layers = 6 }, spec.Recipe.Model);
        Assert.Equal(tiny.Recipe.Stage with { Loop = null }, spec.Recipe.Stage);
        Assert.Equal(TimeSpan.FromMinutes(5), spec.Operations.CheckpointAtMostEvery);
        Assert.Equal(tiny.Operations.CheckpointAtLeastEvery, spec.Operations.CheckpointAtLeastEvery);
    }

    [Fact]
    public void FromText_OfJson_ReadsLikeYaml()
    {
        var spec = SpecReader.FromText("""{"extends": "tiny", "recipe": {"seed": 7, "model": {"windowPattern": "SL"}}}""", "small.json");

        Assert.Equal("small", spec.Name);
        Assert.Equal((7, "SL"), (spec.Recipe.Seed, spec.Recipe.Model.WindowPattern));
    }

    [Theory]
    [InlineData("model.layers=6")]
    [InlineData("recipe.model.layers=6")]
    public void Set_OfShortAndLongPath_MeanTheSameField(string assignment)
    {
        Assert.Equal(6, SpecReader.FromPreset("tiny", new SpecOverrides { Set = [assignment, "stage.loop=null"] }).Recipe.Model.Layers);
    }

    [Fact]
    public void Set_OfListEntryAndOperation_ReachesThem()
    {
        var overrides = new SpecOverrides
        {
            Set = ["chains[1].stages=5", "chains.0.stage.epochs=3", "operations.priority=2", "stage.loop=null"],
            Name = "other",
        };

        var spec = SpecReader.FromPreset("tiny", overrides);

        Assert.Equal([2, 5], spec.Recipe.Chains.Select(chain => chain.Stages));
        Assert.Equal(3, new RunPlan(spec.Recipe)[new StageId(0, 1)].Stage.Epochs);
        Assert.Equal(2, spec.Operations.Priority);
        Assert.Null(spec.Recipe.Stage.Loop);
        Assert.Equal("other", spec.Name);
    }

    [Fact]
    public void FromText_WithSeveralMistakes_ReportsEachWithItsPlace()
    {
        var e = Assert.Throws<SpecException>(() =>
            SpecReader.FromText(
                """
                extends: tiny
                recipe:
                  model:
                    layerz: 4
                    heads: two
                  stage:
                    optimizer: 3
                    batchTokens: "256"
                  chains:
                    - stages: 2
                      role: member
                      stage:
                        loop:
                          begin: 1
                operation:
                  priority: 1
                """,
                "bad.yaml"
            )
        );

        Assert.Equal(
            [
                "bad.yaml:15:1: there is no field 'operation' here. Did you mean 'operations'? There are: extends, "
                    + "name, recipe, operations.",
                "bad.yaml:4:5: recipe.model: there is no field 'layerz' here. Did you mean 'layers'? There are: "
                    + "vocabSize, padVocabTo, sequenceLength, layers, heads, width, windowPattern, shortWindow, longWindow, "
                    + "softcap, ropePrecision, halfRope, yarn, keyOffset, headMixing, headMixingValues, xsa, mtpBlock, "
                    + "sharedBlocks, initialization, products, transposedUnembedding.",
                "bad.yaml:5:12: recipe.model.heads: found 'two', expected a whole number such as 4.",
                "bad.yaml:8:18: recipe.stage.batchTokens: found the text '256', expected a whole number such as 4.",
                "bad.yaml:7:16: recipe.stage.optimizer: found '3', expected a section with fields.",
                "bad.yaml:11:13: recipe.chains[0].role: found 'member', expected one of Members, Baseline. Did you mean 'Members'?",
                "bad.yaml:14:11: recipe.chains[0].stage.loop: there is no field 'begin' here. There are: start, end, "
                    + "replays, fromFraction.",
            ],
            e.Problems.Select(problem => problem.ToString())
        );
    }

    [Theory]
    [InlineData(
        "five.yaml",
        """
            extends: tiny
            recipe:
              model:
                layerz: 4
                windowPattern: SXL
              stage:
                epochs: ten
                dropout: 1.5
            operations:
              keepCheckpoints: 1
            """
    )]
    [InlineData(
        "five.json",
        """
            {
              "extends": "tiny",
              "recipe": {
            	"model": { "layerz": 4, "windowPattern": "SXL" },
                "stage": { "epochs": "ten", "dropout": 1.5 }
              },
              "operations": { "keepCheckpoints": 1 }
            }
            """
    )]
    public void FromText_WithFiveDeliberateErrors_ReportsFive(string fileName, string text)
    {
        var e = Assert.Throws<SpecException>(() => SpecReader.FromText(text, fileName));

        Assert.Equal(
            ["operations.keepCheckpoints", "recipe.model", "recipe.model.windowPattern", "recipe.stage.dropout", "recipe.stage.epochs"],
            e.Problems.Select(problem => problem.Path).Order(StringComparer.Ordinal)
        );
        Assert.All(e.Problems, problem => Assert.True(problem is { Line: > 0, Column: > 0 }, $"{problem}"));
    }

    [Fact]
    public void FromText_WithAFieldThatCannotBeRead_DoesNotBlameTheFieldsItIsComparedWith()
    {
        // With the default of deviceRows, batchTokens would be no multiple; what the user meant is not known.
        var e = Assert.Throws<SpecException>(() =>
            SpecReader.FromPreset("tiny", new SpecOverrides { Set = ["stage.deviceRows=many", "stage.batchTokens=192", "stage.lanes=1"] })
        );

        Assert.Equal("recipe.stage.deviceRows", Assert.Single(e.Problems).Path);
    }

    [Fact]
    public void Environment_OfOperations_IsCarriedOutBeforeSet()
    {
        var overrides = new SpecOverrides
        {
            Environment = ["operations.priority=2", "operations.keepCheckpoints=5"],
            Set = ["operations.priority=3"],
        };

        var operations = SpecReader.FromPreset("tiny", overrides).Operations;

        Assert.Equal((3, 5), (operations.Priority, operations.KeepCheckpoints));
    }

    [Theory]
    [InlineData("stage.epochs=3")]
    [InlineData("operations={}")]
    [InlineData("name=other")]
    public void Environment_OfAnythingElse_IsRefused(string assignment)
    {
        var e = Assert.Throws<SpecException>(() => SpecReader.FromPreset("tiny", new SpecOverrides { Environment = [assignment] }));

        Assert.Equal($"SLOWRUN_SET {assignment}", Assert.Single(e.Problems).Source);
    }

    [Theory]
    [InlineData("a: &a [x,x,x,x,x,x,x,x,x]\nb: &b [*a,*a,*a,*a,*a,*a,*a]\nc: [*b,*b,*b,*b,*b,*b]")]
    [InlineData("recipe: &r {<<: *r}")]
    public void FromText_OfAliasesThatUnfold_IsRefusedAtTheFirst(string text)
    {
        var e = Assert.Throws<SpecException>(() => SpecReader.FromText(text, "bomb.yaml"));

        Assert.Contains("anchors", Assert.Single(e.Problems).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void FromText_OfManyUnknownFields_ReportsSomeAndSaysThereAreMore()
    {
        var e = Assert.Throws<SpecException>(() =>
            SpecReader.FromText($"{{{string.Join(", ", Enumerable.Range(0, 20_000).Select(i => $"f{i}: 1"))}}}", "wide.yaml")
        );

        Assert.Equal(101, e.Problems.Count);
        Assert.Contains("there are more", e.Problems[^1].Message, StringComparison.Ordinal);
    }

    [Fact]
    public void FromText_OfAVeryLongText_IsRefusedUnread()
    {
        var e = Assert.Throws<SpecException>(() => SpecReader.FromText(new string('#', 300_000), "long.yaml"));

        Assert.Contains("expected at most", Assert.Single(e.Problems).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void FromText_WithFieldOfAnotherSection_NamesItsPath()
    {
        var e = Assert.Throws<SpecException>(() => SpecReader.FromPreset("tiny", new SpecOverrides { Set = ["epochs=3"] }));

        Assert.Contains("Did you mean 'stage.epochs'?", Assert.Single(e.Problems).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void FromText_WithPatchThatOnlyTheStageCompletes_TakesBothHalves()
    {
        var spec = SpecReader.FromPreset("tiny", new SpecOverrides { Set = ["chains[0].stage.loop.end=4"] });

        Assert.Equal(
            (2, 4),
            (new RunPlan(spec.Recipe)[new StageId(0, 0)].Stage.Loop!.Start, new RunPlan(spec.Recipe)[new StageId(0, 0)].Stage.Loop!.End)
        );
    }

    [Theory]
    [InlineData("stage.windows=[{untilEpoch: 1, longWindow: 8}]", "the field 'shortWindow' is missing")]
    [InlineData("stage.optimizer.decay={shape: Points, points: [{epoch: 1}]}", "the field 'factor' is missing")]
    [InlineData("chains[0].stage.windows=[{untilEpoch: 1, longWindow: 8}]", "shortWindow")]
    public void FromText_WithAnEntryThatLacksAField_SaysSo(string set, string expected)
    {
        var e = Assert.Throws<SpecException>(() => SpecReader.FromPreset("tiny", new SpecOverrides { Set = [set] }));

        Assert.Contains(e.Problems, problem => problem.Message.Contains(expected, StringComparison.Ordinal));
    }

    [Fact]
    public void FromText_WithPatchThatLacksARequiredField_SaysSo()
    {
        var e = Assert.Throws<SpecException>(() =>
            SpecReader.FromPreset("tiny", new SpecOverrides { Set = ["stage.loop=null", "chains[0].stage.loop.end=4"] })
        );

        Assert.Contains("'start' is missing", Assert.Single(e.Problems).Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("recipe: [", "this is not YAML")]
    [InlineData("recipe:\n\tseed: 1", "this is not YAML")]
    [InlineData("recipe: {seed: 1, seed: 2}", "given twice")]
    [InlineData("a: &x 1\nb: *x", "not used in specs")]
    [InlineData("recipe: !!map {}", "not used in specs")]
    [InlineData("recipe: {}\n---\nrecipe: {}", "second document")]
    [InlineData("- 1", "expected a section")]
    [InlineData("extends: demoo", "Did you mean 'demo'?")]
    [InlineData("{? [1]: 2}", "name is expected")]
    public void FromText_OfNoSpec_SaysWhatItFound(string text, string message)
    {
        var e = Assert.Throws<SpecException>(() => SpecReader.FromText(text, "x.yaml"));

        Assert.Contains(message, Assert.Single(e.Problems).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void FromText_OfDeepNesting_IsRefusedWithoutDescending()
    {
        Assert.Throws<SpecException>(() => SpecReader.FromText(string.Concat(Enumerable.Repeat("[", 5_000)), "deep.yaml"));
    }

    [Fact]
    public void FromText_OfAnEmptyRecipe_HasTheRecordsDefaults()
    {
        Assert.Equal(new ModelRecipe(), SpecReader.FromText("recipe: {}", "empty.yaml").Recipe.Model);
    }

    [Theory]
    [InlineData("Demo")]
    [InlineData("-a")]
    [InlineData("a/b")]
    [InlineData("")]
    public void FromPreset_WithBadName_IsRefused(string name)
    {
        var e = Assert.Throws<SpecException>(() => SpecReader.FromPreset("tiny", new SpecOverrides { Name = name }));

        Assert.Equal("name", Assert.Single(e.Problems).Path);
    }

    [Theory]
    [InlineData("")]
    [InlineData("# nothing but a comment\n")]
    [InlineData("---\n")]
    [InlineData("{}")]
    public void FromText_OfNothing_IsNoSpec(string text)
    {
        var e = Assert.Throws<SpecException>(() => SpecReader.FromText(text, "mine.yaml"));
        Assert.Contains("mine.yaml: there is nothing in it; expected for example 'extends: ", e.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void FromText_WithAnUnknownPreset_SaysAllThatIsWrong()
    {
        var e = Assert.Throws<SpecException>(() =>
            SpecReader.FromText("extends: tinny\nrecipe: {modl: 3, stage: {epochs: many}}\noperations: {priority: high}\n", "mine.yaml")
        );

        Assert.Contains("there is no preset 'tinny'", e.Message, StringComparison.Ordinal);
        Assert.Contains("'modl'", e.Message, StringComparison.Ordinal);
        Assert.Contains("'many'", e.Message, StringComparison.Ordinal);
        Assert.Contains("'high'", e.Message, StringComparison.Ordinal);
        Assert.DoesNotContain("is missing and has no default", e.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void FromText_OfAFileWhoseNameNamesNoRun_BlamesTheFile()
    {
        var e = Assert.Throws<SpecException>(() => SpecReader.FromText("extends: tiny\n", "/specs/my_run.yaml"));

        Assert.Contains("/specs/my_run.yaml", e.Message, StringComparison.Ordinal);
        Assert.Contains("the file's name 'my_run' cannot name a run", e.Message, StringComparison.Ordinal);
        Assert.DoesNotContain("preset tiny", e.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("stage.epochs= ")]
    [InlineData("stage.epochs=# 3")]
    public void Set_WithoutAValue_SaysSo(string set)
    {
        var e = Assert.Throws<SpecException>(() => SpecReader.FromPreset("tiny", new SpecOverrides { Set = [set] }));
        Assert.Contains("there is no value in it", e.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Yaml_OfANameThatIsANumber_IsThatNumber()
    {
        var spec = SpecReader.FromPreset("tiny", new SpecOverrides { Name = "9" });
        Assert.Contains("name: \"9\"\n", SpecWriter.Yaml(spec), StringComparison.Ordinal);
    }
}
