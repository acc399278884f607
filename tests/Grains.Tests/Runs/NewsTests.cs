using Slowrun.Core;
using Slowrun.Core.Plan;
using Slowrun.Core.Specs;
using Slowrun.Core.Stages;
using Slowrun.Grains.Interfaces;
using Slowrun.Grains.Runs;

namespace Slowrun.Grains.Tests.Runs;

/// <summary>A silo that is told what is new knows at each look what the reader read, and is told nothing twice.</summary>
public sealed class NewsTests
{
    private static readonly StageId First = new(0, 0);
    private static readonly StageId Second = new(0, 1);

    private readonly RunFacts facts = new(
        SpecReader.FromPreset("micro", new SpecOverrides { Name = "run", Set = ["chains=[{stages: 3}]"] })
    );
    private readonly NewsDesk desk = new("reader");
    private readonly KnownRun known = new();

    [Fact]
    public void Since_WhenNothingHasChanged_TellsNothing()
    {
        Tell(facts with { Roots = Roots((First, Root(1))) });
        var again = Tell(facts with { Roots = Roots((First, Root(1))) });

        Assert.Null(again.Orders);
        Assert.Null(again.Judging);
        Assert.Null(again.Damage);
        Assert.Empty(again.Roots);
    }

    [Fact]
    public void Since_WhenOneRootOfManyHasChanged_TellsThatOne()
    {
        Tell(facts with { Roots = Roots((First, Root(1)), (Second, Root(1))) });
        var news = Tell(facts with { Roots = Roots((First, Root(1)), (Second, Root(2))) });

        Assert.Equal([new StageId(0, 1)], news.Roots.Keys);
    }

    [Fact]
    public void Take_OfEveryKindOfChange_LeavesTheSiloWithWhatWasRead()
    {
        Tell(facts with { Roots = Roots((First, Root(1)), (Second, Root(1))), Scores = [Score("a")] });
        Tell(
            facts with
            {
                Roots = Roots((First, Root(3))),
                Scores = [Score("a"), Score("b")],
                FitnessScores = [Score("c")],
                Ensembles =
                [
                    new EnsembleScore
                    {
                        Members = ["a"],
                        Running = [1],
                        LossNats = 1,
                        BitsPerByte = 1,
                    },
                ],
                Intent = new RunIntent { Run = DesiredState.Paused },
                Damage =
                [
                    new DocumentDamage(DocumentKind.Root, "runs/run/chain0/stage1/root", "It is damaged.", "Wait.")
                    {
                        Stage = new StageId(0, 1),
                    },
                ],
                SubmittedAt = DateTimeOffset.UnixEpoch,
            }
        );
        // Scores that are gone, and the run resumed.
        Tell(facts with { Roots = Roots((First, Root(3))), Scores = [Score("b")], SubmittedAt = DateTimeOffset.UnixEpoch });
    }

    [Fact]
    public void Take_OfAScoreThatWasComputedAgain_ReplacesTheOneBefore()
    {
        Tell(facts with { Scores = [Score("a"), Score("b")], FitnessScores = [Score("c")] });

        Tell(
            facts with
            {
                Scores = [Score("a") with { LossNats = 9 }, Score("b")],
                FitnessScores = [Score("c") with { VectorXxHash128 = "other" }],
            }
        );
    }

    [Fact]
    public void Take_OfAnotherReader_KeepsNothingOfTheOneBefore()
    {
        Tell(facts with { Roots = Roots((First, Root(1)), (Second, Root(1))) });
        var next = new NewsDesk("another");
        next.Take(facts with { Roots = Roots((First, Root(1))) });

        known.Take(next.Since(known.Version));

        Assert.Equal([First], known.Facts(new HashSet<string>()).Roots.Keys);
    }

    private RunNews Tell(RunFacts read)
    {
        desk.Take(read);
        // As it crosses the wire.
        var news = CanonicalJson.Deserialize<RunNews>(CanonicalJson.Serialize(desk.Since(known.Version)), "news");
        known.Take(news);
        var told = known.Facts(new HashSet<string> { "alive" });
        Assert.Equal(
            read.Roots.OrderBy(pair => pair.Key.Stage).Select(pair => (pair.Key, pair.Value.Revision)),
            told.Roots.OrderBy(pair => pair.Key.Stage).Select(pair => (pair.Key, pair.Value.Revision))
        );
        Assert.Equal(Text(read), Text(told));
        Assert.Equal(["alive"], told.AliveSilos);
        return news;
    }

    private static string Text(RunFacts facts) =>
        string.Join(
            '\n',
            (
                (object[])
                    [
                        facts.Spec,
                        facts.Intent,
                        facts.SubmittedAt!,
                        facts.Judging,
                        facts.Damage,
                        facts.Ensembles,
                        facts.Scores.OrderBy(score => score.SnapshotSha256, StringComparer.Ordinal).ToList(),
                        facts.FitnessScores,
                    ]
            ).Select(part => part is null ? "" : CanonicalJson.Sha256(part))
        );

    private static Dictionary<StageId, StageRoot> Roots(params (StageId Id, StageRoot Root)[] roots) =>
        roots.ToDictionary(one => one.Id, one => one.Root);

    private static StageRoot Root(long revision) =>
        new()
        {
            EpochToken = 1,
            Revision = revision,
            WriteId = $"w{revision}",
        };

    private static MemberScore Score(string snapshot) =>
        new()
        {
            SnapshotSha256 = snapshot,
            SetSha256 = "set",
            Rows = 1,
            NumericsFingerprint = "f",
            Tokens = 3,
            LossNats = 1.5,
            BitsPerByte = 2,
            Vector = "v",
            VectorXxHash128 = "h",
        };
}
