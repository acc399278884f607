using System.Text.Json;
using Slowrun.Core.Plan;
using Slowrun.Core.Recipes;
using Slowrun.Core.Stages;
using Slowrun.Core.Status;
using Slowrun.Core.Tests.Plan;
using static Slowrun.Core.Tests.Plan.RunFactsExample;

namespace Slowrun.Core.Tests.Status;

public sealed class StatusBuilderTests
{
    [Theory]
    [InlineData("0123456789abcdef", 0, false)]
    [InlineData("0123456789abcdef", 1, true)]
    [InlineData("unrepeatable-cuda", 0, true)]
    public void Build_OfAStageWhoseBytesCannotBeHadAgain_SaysBestEffort(string fingerprint, int adoptions, bool bestEffort)
    {
        var facts = new RunFactsExample().Taken("chain0/stage0", 5).Facts;
        var id = RunFactsExample.Id("chain0/stage0");
        var root = facts.RootOf(id) with { Adoptions = adoptions };
        root = root with { Identity = root.Identity! with { NumericsFingerprint = fingerprint } };
        var status = StatusBuilder.Build(
            facts with
            {
                Roots = new Dictionary<StageId, StageRoot> { [id] = root },
            },
            StatusSource.Store,
            RunFactsExample.Now
        );

        Assert.Equal(bestEffort, status.Stages[0].BestEffort);
    }

    private const string A0 = "chain0/stage0",
        A1 = "chain0/stage1",
        B0 = "chain1/stage0",
        B1 = "chain1/stage1",
        Baseline = "chain2/stage0";

    private readonly RunFactsExample run = new();

    [Fact]
    public void Build_OfATrainingStage_ShowsTheOwnersStepBesideTheDurableOne()
    {
        var stage = Stage(run.Taken(A0, durable: 40, reported: 57), A0);

        Assert.Equal((StageState.Training, 57, 40, 192), (stage.State, stage.Step, stage.DurableStep, stage.Steps));
        Assert.Equal(4, stage.DurableAgeSeconds);
        Assert.Equal(
            (2.5, 1000, 3, 2, 5),
            (stage.TrainLossNats, stage.TokensPerSecond, stage.EpochToken, stage.Preemptions, stage.LostSteps)
        );
        Assert.Equal("silo-a", stage.Owner?.Silo);
        Assert.Null(stage.Waits);
    }

    // A chain whose stage was finished 4 s ago has not stopped; one that is through, or without silos, has.
    [Fact]
    public void Build_OfChains_CountsThoseThatAreWorkedOn()
    {
        Assert.Equal(2, AtWork(new RunFactsExample().Taken(A0, durable: 40).Finished(B0)));
        Assert.Equal(1, AtWork(new RunFactsExample().Taken(A0, durable: 40).Finished(B0, B1)));
        Assert.Equal(1, AtWork(new RunFactsExample().Finished(A0).Lost(B0, "silo-b")));
        Assert.Equal(0, AtWork(new RunFactsExample().Taken(A0, durable: 40).Finished(B0).NoSilo()));

        // Of more chains than slots another one takes the place of the one that finished a stage; a chain's own next stage does not.
        Assert.Equal(1, AtWork(new RunFactsExample().Finished(A0).Taken(B0, durable: 0, since: 2)));
        Assert.Equal(2, AtWork(new RunFactsExample().Finished(A0, B0).Taken(B1, durable: 0, since: 2)));

        static int? AtWork(RunFactsExample run) => StatusBuilder.Build(run.Facts, StatusSource.Store, Now).ChainsAtWork;
    }

    [Fact]
    public void Build_WhenTheOwnerIsGone_ShowsOnlyWhatIsDurable()
    {
        var stage = Stage(run.Taken(A0, durable: 40, silo: "silo-gone", reported: 57), A0);

        Assert.Equal((StageState.Ready, 40), (stage.State, stage.Step));
        Assert.Null(stage.Owner);
        Assert.Null(stage.TokensPerSecond);
        Assert.Equal(
            "Its silo name of silo-gone is gone. Waits for a free slot with numerics fingerprint 01234567 to go on from step 40.",
            stage.Waits
        );
    }

    [Fact]
    public void Build_WhenProgressIsAnOlderOwners_IgnoresIt()
    {
        var stage = Stage(run.Taken(A0, durable: 40, reported: 57, reportedToken: 2), A0);

        Assert.Equal(40, stage.Step);
        Assert.Null(stage.TrainLossNats);
    }

    [Fact]
    public void Build_OfANewRunWithoutSilo_SaysHowToStartOne()
    {
        var status = Build(run.NoSilo());

        Assert.Equal(RunState.Pending, status.State);
        Assert.Null(status.Ensemble);
        Assert.Equal("Waits for a silo: none is alive. Start one with 'slowrun silo'.", status.Stages[0].Waits);
        Assert.Equal((192, 0), (status.Stages[0].Steps, status.Stages[0].Step));
        Assert.Null(status.Stages[0].DurableAgeSeconds);
        Assert.Equal((StageState.Waiting, "Waits for 'chain0/stage0' to finish."), (status.Stages[1].State, status.Stages[1].Waits));
    }

    [Fact]
    public void Build_OfAFinishedRun_ShowsScoresAndMixture()
    {
        var status = Build(run.Scored(A0, A1, B0, B1, Baseline).Mixed(A0, A1, B0, B1));

        Assert.Equal(RunState.Succeeded, status.State);
        Assert.All(
            status.Stages,
            stage => Assert.Equal((StageState.Done, 192, 2.0, 3.0), (stage.State, stage.Step, stage.ValLossNats, stage.ValBitsPerByte))
        );
        Assert.Equal("hash of chain2/stage0", status.Stages[4].SnapshotSha256);
        Assert.Equal((ChainRole.Members, ChainRole.Baseline), (status.Stages[0].Role, status.Stages[4].Role));
        Assert.Equal((4, 1.7, 2.5), (status.Ensemble!.Members, status.Ensemble.LossNats, status.Ensemble.BitsPerByte));
        Assert.Equal([A0, A1, B0, B1], status.Ensemble.MemberStages.Select(id => id.ToString()));
        Assert.Equal(4, status.Ensemble.Running.Count);
    }

    [Fact]
    public void Build_WhileANewMixtureIsStillDue_ShowsTheLargestOlderOne()
    {
        var status = Build(run.Scored(A0, A1, B0).Mixed(A0).Mixed(A0, B0));

        Assert.Equal([A0, B0], status.Ensemble!.MemberStages.Select(id => id.ToString()));
    }

    [Fact]
    public void Build_OfFailedPausedAndCancelledStages_SaysWhatWouldMakeThemGoOn()
    {
        run.Failed(A0).Taken(B0, 7).Intent(DesiredState.Running, (B0, DesiredState.Paused), (Baseline, DesiredState.Cancelled));

        Assert.Equal("The loss is not a number. Lower the rate.", Stage(run, A0).Failure);
        Assert.Contains("retry", Stage(run, A0).Waits, StringComparison.Ordinal);
        Assert.Equal("Waits for 'chain0/stage0', which has failed; 'slowrun retry' lets that try again.", Stage(run, A1).Waits);
        Assert.Equal(
            "Paused by the user at step 7; 'slowrun resume' lets it go on. name of silo-a still stops it at its next micro-batch.",
            Stage(run, B0).Waits
        );
        Assert.Equal("Waits for 'chain1/stage0', which is paused.", Stage(run, B1).Waits);
        Assert.Equal((StageState.Cancelled, "Cancelled by the user."), (Stage(run, Baseline).State, Stage(run, Baseline).Waits));
    }

    [Fact]
    public void Build_WithDamagedDocuments_SaysWhatIsDamagedAndWhatToDo()
    {
        run.DamagedRoot(A0).LostIntent();

        Assert.Equal((StageState.Damaged, "It is damaged. Repair it."), (Stage(run, A0).State, Stage(run, A0).Waits));
        Assert.Contains("'runs/tiny/intent' is damaged. Give it anew.", Stage(run, B0).Waits, StringComparison.Ordinal);
        Assert.Equal([DocumentKind.Root, DocumentKind.Intent], Build(run).Damage!.Select(damage => damage.What));
        var received = CanonicalJson.Deserialize<RunStatus>(CanonicalJson.Serialize(Build(run)), "status");
        Assert.Equal(RunFactsExample.Id(A0), received.Damage![0].Stage);
    }

    [Fact]
    public void Build_FromTheStore_IsAsOfTheLastWrite()
    {
        run.Taken(A0, durable: 40, reported: 57);

        Assert.Equal(Now.AddSeconds(-1), StatusBuilder.Build(run.Facts, StatusSource.Store, Now).AsOf);
        Assert.Equal(Now, StatusBuilder.Build(run.Facts, StatusSource.Cluster, Now).AsOf);
    }

    [Fact]
    public void Build_AsJson_HasTheFieldsOfTheContract()
    {
        var json = JsonDocument.Parse(CanonicalJson.Serialize(Build(run.Scored(A0).Mixed(A0).Taken(B0, 4, reported: 5)))).RootElement;

        Assert.Equal(
            ("tiny", "Running", "cluster"),
            (json.GetProperty("name").GetString(), json.GetProperty("state").GetString(), json.GetProperty("source").GetString())
        );
        Assert.Equal(1, json.GetProperty("ensemble").GetProperty("members").GetInt32());
        Assert.Equal("Training", json.GetProperty("stages")[2].GetProperty("state").GetString());
    }

    [Fact]
    public void Build_AsJson_CrossesTheWireUnchanged()
    {
        var status = Build(run.Scored(A0).Mixed(A0).Taken(B0, 4, reported: 5).Failed(Baseline));

        var received = CanonicalJson.Deserialize<RunStatus>(CanonicalJson.Serialize(status), "status");

        Assert.Equal(CanonicalJson.Serialize(status), CanonicalJson.Serialize(received));
    }

    private static RunStatus Build(RunFactsExample run) => StatusBuilder.Build(run.Facts, StatusSource.Cluster, Now);

    private static StageStatus Stage(RunFactsExample run, string id) =>
        Build(run).Stages.Single(stage => stage.Id == RunFactsExample.Id(id));

    [Fact]
    public void StateText_WithNoSiloAlive_SaysSoWhileSomethingIsLeft()
    {
        Assert.Equal(
            "Running (no silo)",
            StatusBuilder
                .Build(new RunFactsExample().Released("chain0/stage0", 5).NoSilo().Facts, StatusSource.Store, RunFactsExample.Now)
                .StateText
        );
        Assert.Equal(
            "Running",
            StatusBuilder.Build(new RunFactsExample().Released("chain0/stage0", 5).Facts, StatusSource.Store, RunFactsExample.Now).StateText
        );
        Assert.Equal(
            "Cancelled",
            StatusBuilder
                .Build(new RunFactsExample().NoSilo().Intent(DesiredState.Cancelled).Facts, StatusSource.Store, RunFactsExample.Now)
                .StateText
        );
    }
}
