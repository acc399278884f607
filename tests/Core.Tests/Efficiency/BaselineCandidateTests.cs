using Slowrun.Core.Efficiency;
using Slowrun.Core.Plan;
using Slowrun.Core.Recipes;
using Slowrun.Core.Specs;

namespace Slowrun.Core.Tests.Efficiency;

public sealed class BaselineCandidateTests
{
    private static readonly Recipe Run = SpecReader.FromPreset("demo-quick").Recipe;
    private static readonly DataRecipe Data = Run.Data with { Sha256 = new string('a', 64) };
    private static readonly BaselineCandidate Candidate = new(BaselineKind.ManyPasses, 65_536, BaselineSize.Own(Run.Model), 12, 1);

    private static string Name => Candidate.Spec(Of(Run), Data).Name;

    [Fact]
    public void Spec_IsARunOfOneBaselineThatTheRulesAllow()
    {
        foreach (var size in BaselineSize.About(Run.Model))
        {
            foreach (var kind in Enum.GetValues<BaselineKind>())
            {
                var spec = (Candidate with { Kind = kind, Size = size }).Spec(Of(Run), Data);

                SpecReader.Check(spec);
                var stage = Assert.Single(new RunPlan(spec.Recipe).Stages);
                Assert.Equal((ChainRole.Baseline, false, 65_536), (stage.Role, stage.IsTaught, stage.Data.TrainTokens));
                Assert.Null(stage.Stage.Loop);
                Assert.True(new RunPlan(spec.Recipe).IsJudgedOnFitness(stage.Id));
            }
        }
    }

    [Fact]
    public void Name_IsSharedByRunsThatDifferInWhatItsBytesDoNotDependOn()
    {
        var other = Run with
        {
            Seed = 7,
            Chains = [new ChainRecipe { Stages = 9 }],
            Ensemble = new EnsembleRecipe { ExcludeFirstStages = 1 },
            Stage = Run.Stage with { Epochs = 40, Dropout = 0.3 },
        };

        Assert.Equal(Name, Candidate.Spec(Of(other), Data with { Source = "text", TrainTokens = 1 }, place: 9).Name);
        Assert.True(RunNames.IsValid(Name), Name);
    }

    [Fact]
    public void Name_IsAnotherForAnythingThatItsBytesDependOn()
    {
        BaselineCandidate[] others =
        [
            Candidate with
            {
                Tokens = 131_072,
            },
            Candidate with
            {
                Passes = 20,
            },
            Candidate with
            {
                Kind = BaselineKind.OnePass,
            },
            Candidate with
            {
                LearningRate = 0.7,
            },
            Candidate with
            {
                Size = new BaselineSize(4, 48),
            },
        ];
        IEnumerable<string> names =
        [
            .. others.Select(other => other.Spec(Of(Run), Data).Name),
            Candidate.Spec(Of(Run), Data with { Sha256 = new string('b', 64) }).Name,
            Candidate.Spec(Of(Run with { Stage = Run.Stage with { BatchTokens = 1_024 } }), Data).Name,
            Candidate.Spec(Of(Run with { Evaluation = new EvaluationRecipe { Rows = 1 } }), Data).Name,
            Name,
        ];

        Assert.Equal(9, names.Distinct().Count());
    }

    [Fact]
    public void Operations_AreTheRunsBehindAllOthersAndTellNobody()
    {
        var run = Of(Run) with
        {
            Operations = new Operations
            {
                KeepCheckpoints = 5,
                Priority = 3,
                Notify = [],
            },
        };

        var (first, second) = (Candidate.Spec(run, Data).Operations, Candidate.Spec(run, Data, place: 1).Operations);

        Assert.Equal((5, null), (first.KeepCheckpoints, first.Notify));
        Assert.True(second.Priority < first.Priority && first.Priority < 0);
    }

    [Fact]
    public void About_AModel_IsThreeSizesWithItsHeads()
    {
        var model = new ModelRecipe
        {
            Layers = 20,
            Heads = 10,
            Width = 1_280,
        };

        Assert.Equal(["12x768", "20x1280", "26x1664"], BaselineSize.About(model).Select(size => size.ToString()));
        Assert.Equal(["2x32", "4x32", "6x48"], BaselineSize.About(Run.Model).Select(size => size.ToString()));
        Assert.Equal(13, BaselineSize.About(model)[2].Of(model).Heads);
    }

    [Theory]
    [InlineData("6x64", true)]
    [InlineData("5x64", false)]
    [InlineData("6x16", false)]
    [InlineData("6", false)]
    [InlineData("6x64x2", false)]
    [InlineData("-6x64", false)]
    public void TryParse_ASize_IsWhatToStringWrites(string text, bool size) =>
        Assert.Equal(size ? text : null, BaselineSize.TryParse(text)?.ToString());

    [Fact]
    public void Of_AWidthOfNoWholeHeads_IsRefused() => Assert.Throws<InvalidRequestException>(() => new BaselineSize(4, 40).Of(Run.Model));

    private static RunSpec Of(Recipe recipe) => new() { Name = "run", Recipe = recipe };
}
