using Slowrun.Core.Explain;
using Slowrun.Core.Plan;
using Slowrun.Core.Recipes;
using Slowrun.Core.Specs;
using Slowrun.Core.Tests.Plan;

namespace Slowrun.Core.Tests.Specs;

/// <summary>What becomes of a spec when an ensemble is distilled into its model, and what such a spec asks for.</summary>
public sealed class DistilledRunTests
{
    private static readonly string[] Members = ["chain0/stage0", "chain0/stage1", "chain1/stage0", "chain1/stage1"];

    [Fact]
    public void Of_ASpecWithSeveralChains_IsOneStageThatTheWholeEnsembleTeaches()
    {
        var teacher = Finished();
        var spec = SpecReader.FromPreset(
            "tiny",
            new SpecOverrides
            {
                Name = "student",
                Set =
                [
                    "model.width=64",
                    "data.fileSeed=7",
                    "stage.continuation={}",
                    "chains=[{stages: 3, stage: {epochs: 9}, firstStage: {epochs: 1}}, {stages: 2}]",
                    "ensemble.excludeFirstStages=1",
                ],
            }
        );

        var student = DistilledRun.Of(spec, teacher, ownData: false, baseline: false);

        SpecReader.Check(student);
        var plan = Assert.Single(new RunPlan(student.Recipe).Stages);
        Assert.Equal((9, 64, ChainRole.Members), (plan.Stage.Epochs, plan.Model.Width, plan.Role));
        Assert.True(plan.IsTaught);
        Assert.Null(plan.Teacher);
        Assert.Null(plan.Predecessor);
        Assert.Equal(teacher.Spec.Recipe.Data with { FileSeed = 7 }, student.Recipe.Data);
        Assert.Equal(Members.Select(Hash), plan.TeacherEnsemble!.Members.Select(member => member.Sha256));
        Assert.All(
            plan.TeacherEnsemble.Members,
            member => Assert.Equal((0.25, 1, teacher.Spec.Recipe.Stage.Loop), (member.Weight, member.Models, member.Loop))
        );
    }

    [Fact]
    public void Of_AnEnsembleThatSelects_HasTheChosenMembersWithTheirWeights()
    {
        var teacher = Finished();
        teacher = teacher with { Ensembles = [teacher.Ensembles[0] with { Weights = [0.7, 0, 0.3, 0] }] };

        var members = DistilledRun.Teacher(teacher).Members;

        Assert.Equal([(Hash(Members[0]), 0.7), (Hash(Members[2]), 0.3)], members.Select(member => (member.Sha256, member.Weight)));
    }

    [Fact]
    public void Of_ARunWithoutItsEnsemble_Throws()
    {
        var facts = new RunFactsExample().Scored(Members).Facts;
        Assert.Throws<InvalidOperationException>(() => DistilledRun.Teacher(facts));
    }

    [Fact]
    public void Of_WithABaseline_HasASecondStageWithoutATeacherThatDiffersInNothingElse()
    {
        var student = DistilledRun.Of(SpecReader.FromPreset("tiny"), Finished(), ownData: false, baseline: true);

        SpecReader.Check(student);
        var stages = new RunPlan(student.Recipe).Stages;
        Assert.Equal([(true, ChainRole.Members), (false, ChainRole.Baseline)], stages.Select(stage => (stage.IsTaught, stage.Role)));
        Assert.Equal(CanonicalJson.Sha256(stages[0].Stage with { Distillation = null }), CanonicalJson.Sha256(stages[1].Stage));
    }

    [Fact]
    public void Spec_ThatIsTaught_ReadsBackFromItsYamlAndHasAnotherHashWithAnotherMember()
    {
        var student = DistilledRun.Of(SpecReader.FromPreset("tiny"), Finished(), ownData: false, baseline: true);

        var again = SpecReader.FromText(SpecWriter.Yaml(student), "again.yaml");

        Assert.Equal(CanonicalJson.Sha256(student.Recipe), CanonicalJson.Sha256(again.Recipe));
        var teacher = student.Recipe.Teacher!;
        Assert.Equal(teacher.ContentSha256(), (teacher with { Run = "moved" }).ContentSha256());
        var fewer = teacher with { Members = [.. teacher.Members.Skip(1)] };
        var turned = teacher with { Members = [.. teacher.Members.Reverse()] };
        var logits = teacher with { Average = EnsembleAverage.Logits };
        var weighed = teacher with { Members = [.. teacher.Members.Select((member, i) => member with { Weight = 0.1 * (i + 1) })] };
        Assert.Equal(5, new[] { teacher, fewer, turned, logits, weighed }.Select(one => one.ContentSha256()).Distinct().Count());
    }

    [Theory]
    [InlineData("model.vocabSize=300", "recipe.model.vocabSize", "expected 257 as in recipe.teacher.model")]
    [InlineData("model.sequenceLength=64", "recipe.model.sequenceLength", "at most 32 as in recipe.teacher.model")]
    [InlineData("stage.distillation=null", "recipe.teacher", "teaches no stage")]
    [InlineData("teacher.members[0].weight=0.5", "recipe.teacher.members", "sum to 1.25")]
    [InlineData("teacher.members[0].sha256=abc", "recipe.teacher.members[0].sha256", "64 lower-case hex digits")]
    [InlineData("teacher.members[1].loop={start: 0, end: 2}", "recipe.teacher.members[1].loop", "within the decoder")]
    [InlineData("teacher.members=[]", "recipe.teacher.members", "found 0, expected 1")]
    [InlineData("teacher.model.layers=3", "recipe.teacher.model", "an even number")]
    [InlineData("teacher.run=Not a run", "recipe.teacher.run", "cannot be a run")]
    [InlineData(
        "teacher={run: t, average: Logits, model: {sequenceLength: 32}, members: [{sha256: \"0000000000000000000000000000000000000000000000000000000000000000\", weight: 1, models: 2}]}",
        "recipe.teacher.members[0].models",
        "no logits"
    )]
    [InlineData("teacher.members[0].weight=0", "recipe.teacher.members[0].weight", "above 0")]
    [InlineData("teacher={run: t}", "recipe.teacher", "'model' is missing")]
    public void Spec_WithATeacherThatDoesNotSuit_IsRefusedAtItsField(string assignment, string path, string message)
    {
        var student = DistilledRun.Of(SpecReader.FromPreset("tiny"), Finished(), ownData: false, baseline: false);

        var e = Assert.Throws<SpecException>(() =>
            SpecReader.FromText(SpecWriter.Yaml(student), "s.yaml", new SpecOverrides { Set = [assignment] })
        );

        Assert.Contains(e.Problems, problem => problem.Path == path && problem.Message.Contains(message, StringComparison.Ordinal));
    }

    [Fact]
    public void Explanation_OfATaughtStage_CountsEveryMembersOperationsAndOneModelsMemory()
    {
        var spec = SpecReader.FromPreset("tiny", new SpecOverrides { Set = ["model.width=64"] });
        var student = DistilledRun.Of(spec, Finished(), ownData: false, baseline: true);
        var four = Explain(student);
        var teacher = student.Recipe.Teacher!;
        var one = Explain(
            student with
            {
                Recipe = student.Recipe with { Teacher = teacher with { Members = [teacher.Members[0] with { Weight = 1 }] } },
            }
        );
        var late = Explain(
            student with
            {
                Recipe = student.Recipe with { Teacher = teacher with { Members = [teacher.Members[0] with { Weight = 1, Models = 3 }] } },
            }
        );

        Assert.Equal(4 * one.Stages[0].FlopsPerToken.Teacher, four.Stages[0].FlopsPerToken.Teacher, 1e-6);
        Assert.Equal(3 * one.Stages[0].FlopsPerToken.Teacher, late.Stages[0].FlopsPerToken.Teacher, 1e-6);
        // The teachers' model is that of tiny's second stages.
        Assert.Equal(
            RunExplanation.Of(SpecReader.FromPreset("tiny"), null, new ExplainRates(1), _ => 1).Stages[1].FlopsPerToken.Teacher,
            one.Stages[0].FlopsPerToken.Teacher,
            1e-6
        );
        // The models take turns in the memory of one; beside a device the next one comes along meanwhile.
        Assert.Equal(
            one.Stages[0].MemoryBytes with
            {
                Ahead = Explain(Untaught()).Stages[0].MemoryBytes.Weights,
            },
            four.Stages[0].MemoryBytes
        );
        // Weights of one model, and of two micro-batches of 4 rows of 32 what was taught of 257 ids.
        Assert.Equal(Explain(Untaught()).Stages[0].MemoryBytes.Weights + (4L * 2 * 4 * 32 * 257), four.Stages[0].MemoryBytes.Teacher);
        Assert.Equal((0.0, 0L), (four.Stages[1].FlopsPerToken.Teacher, four.Stages[1].MemoryBytes.Teacher));
        Assert.Equal(
            new TeacherExplanation("tiny", EnsembleAverage.Probabilities, 4, 4, Explain(Untaught()).Parameters.Total),
            four.Teacher
        );

        static RunSpec Untaught() => SpecReader.FromPreset("tiny");
    }

    private static RunExplanation Explain(RunSpec spec) => RunExplanation.Of(spec, null, new ExplainRates(1), _ => 1);

    private static string Hash(string stage) => CanonicalJson.Sha256(stage);

    private static RunFacts Finished()
    {
        var facts = new RunFactsExample().Scored(Members).Mixed(Members).Facts;
        // Names that are hashes.
        return facts with
        {
            Roots = facts.Roots.ToDictionary(
                pair => pair.Key,
                pair => pair.Value with { Snapshot = pair.Value.Snapshot! with { Sha256 = Hash(pair.Key.ToString()) } }
            ),
            Scores = [.. facts.Scores.Zip(Members, (score, stage) => score with { SnapshotSha256 = Hash(stage) })],
            Ensembles = [facts.Ensembles[0] with { Members = [.. Members.Select(Hash)] }],
        };
    }
}
