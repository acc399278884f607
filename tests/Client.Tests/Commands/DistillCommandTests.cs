using Slowrun.Core.Plan;
using Slowrun.Core.Recipes;
using Slowrun.Core.Specs;
using Slowrun.Core.Stages;
using Slowrun.Core.Tensors;
using Slowrun.Core.Tokens;
using Slowrun.Storage.Checkpoints;
using Slowrun.Storage.Runs;
using Slowrun.Storage.Tokens;

namespace Slowrun.Client.Tests.Commands;

public sealed class DistillCommandTests
{
    private readonly CommandLine cli = new();

    [Fact]
    public async Task Distill_OfAFinishedRun_MakesARunOfOneStageThatItsEnsembleTeaches()
    {
        var teacher = await HaveFinishedAsync();

        Assert.Equal(0, await cli.RunAsync("distill", "micro", "--into", "micro", "--submit-only"));

        Assert.Contains(
            "The 2 members of 'micro' (2.5000 nats/token together, 78,965 parameters each) teach 'micro-distilled', one model of 78,965 parameters.",
            cli.Output,
            StringComparison.Ordinal
        );
        Assert.Contains("Run 'micro-distilled' is submitted. No silo serves", cli.Output, StringComparison.Ordinal);
        var student = (await new RunDocuments(await cli.StoreAsync(), "micro-distilled").TryReadSpecAsync(CommandLine.Stop))!.Recipe;
        Assert.Equal(teacher.Recipe.Data, student.Data);
        var stage = Assert.Single(new RunPlan(student).Stages);
        Assert.Equal([0.75, 0.25], stage.TeacherEnsemble!.Members.Select(member => member.Weight));

        Assert.Equal(0, await cli.RunAsync("distill", "micro", "--into", "micro", "--submit-only"));
        Assert.Contains("was there already, with the same recipe", cli.Output, StringComparison.Ordinal);
        Assert.Equal(2, await cli.RunAsync("distill", "micro", "--into", "micro", "--submit-only", "--baseline"));
        Assert.Contains("has another recipe", cli.Error, StringComparison.Ordinal);
        Assert.Equal(
            0,
            await cli.RunAsync(
                "distill",
                "micro",
                "--into",
                "micro",
                "--submit-only",
                "--baseline",
                "--name",
                "both",
                "--set",
                "model.width=64"
            )
        );
        Assert.Equal(0, await cli.RunAsync("spec", "explain", "run:both"));
        Assert.Contains(
            "2 models of 79.0 k parameters teach (2 members of run 'micro'), one after the other in the same memory",
            cli.Output,
            StringComparison.Ordinal
        );
    }

    [Fact]
    public async Task Distill_OfARunThatHasNotSucceeded_SaysHowFarItIs()
    {
        await cli.HaveRunAsync();

        Assert.Equal(1, await cli.RunAsync("distill", "micro", "--into", "micro", "--submit-only"));
        Assert.Contains(
            "Run 'micro' is Pending: 0 of the 2 members of its ensemble are trained and judged.",
            cli.Error,
            StringComparison.Ordinal
        );
    }

    [Fact]
    public async Task Distill_OfNoRun_IsNoSuchThing()
    {
        await HaveFinishedAsync();

        Assert.Equal(3, await cli.RunAsync("distill", "mikro", "--into", "micro", "--submit-only"));
        Assert.Contains("There is no run 'mikro'", cli.Error, StringComparison.Ordinal);
        Assert.Equal(3, await cli.RunAsync("distill", "micro", "--into", "nothing.yaml", "--submit-only"));
        Assert.Equal(2, await cli.RunAsync("distill", "micro"));
        Assert.Contains("--into", cli.Error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Distill_WhenAMembersSnapshotIsGone_NamesItAndMakesNoRun()
    {
        await HaveFinishedAsync();
        var store = await cli.StoreAsync();
        var snapshot = (await new RunFactsReader(store).ReadAsync("micro", new HashSet<string>(), CommandLine.Stop))!
            .RootOf(new StageId(0, 1))
            .Snapshot!;
        await store.TryDeleteAsync(snapshot.Name, cancellationToken: CommandLine.Stop);

        Assert.Equal(1, await cli.RunAsync("distill", "micro", "--into", "micro", "--submit-only"));

        Assert.Contains("1 of the 2 members that would teach are missing", cli.Error, StringComparison.Ordinal);
        Assert.Contains($"the first is micro/chain0/stage1's: '{snapshot.Name}'", cli.Error, StringComparison.Ordinal);
        Assert.Null(await new RunDocuments(store, "micro-distilled").TryReadSpecAsync(CommandLine.Stop));
    }

    [Fact]
    public async Task Verify_OfAStudentThatHasNotFinished_ReadsTheMembersThatTeachIt()
    {
        await HaveFinishedAsync();
        Assert.Equal(0, await cli.RunAsync("distill", "micro", "--into", "micro", "--submit-only"));

        Assert.Equal(0, await cli.RunAsync("checkpoints", "verify", "micro-distilled"));
        Assert.Equal(
            2,
            cli.Output.Split('\n')
                .Count(line => line.Contains("chain0/stage0 is taught by runs/micro/snapshots/", StringComparison.Ordinal))
        );
        // The spec with its copy and the data are read too.
        Assert.Matches(@"All \d+ are whole", cli.Output);

        var store = await cli.StoreAsync();
        var name = await store
            .ListAsync("runs/micro/snapshots/", CommandLine.Stop)
            .Select(entry => entry.Name)
            .FirstAsync(CommandLine.Stop);
        await store.WriteAsync(name, "other"u8.ToArray(), CommandLine.Stop);
        Assert.Equal(1, await cli.RunAsync("checkpoints", "verify", "micro-distilled"));
        Assert.Matches(@"\b1 of \d+ damaged\.", cli.Output);
        Assert.Contains("then retry the stage", cli.Output, StringComparison.Ordinal);

        await cli.HaveRootAsync(
            "micro-distilled",
            "chain0/stage0",
            CommandLine.Begun(8) with
            {
                Current = null,
                Snapshot = new SnapshotRef("none", "none", 1, CommandLine.Start),
            }
        );
        Assert.Equal(1, await cli.RunAsync("checkpoints", "verify", "micro-distilled"));
        Assert.DoesNotContain("is taught by", cli.Output, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("model.vocabSize=300", "recipe.model.vocabSize: found 300, expected 257 as in recipe.teacher.model")]
    [InlineData("chains[0].stages=1", "--set chains[0].stages=1 would change nothing: a distilled run has one chain of one stage")]
    [InlineData("recipe.data.trainTokens=300", "would change nothing: the data is that of 'micro'; --text or --data give other data")]
    [InlineData("ensemble.average=Logits", "would change nothing: a distilled run is one model")]
    public async Task Distill_WithWhatDoesNotSuit_SaysSo(string assignment, string message)
    {
        await HaveFinishedAsync();

        Assert.Equal(2, await cli.RunAsync("distill", "micro", "--into", "micro", "--submit-only", "--set", assignment));
        Assert.Contains(message, cli.Error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Distill_UnderItsTeachersName_IsRefused()
    {
        await HaveFinishedAsync();

        Assert.Equal(2, await cli.RunAsync("distill", "micro", "--into", "micro", "--submit-only", "--name", "micro"));
        Assert.Contains("cannot be called 'micro' like its teacher", cli.Error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Distill_OnDataOfOtherTokens_IsRefusedEvenWithAsManyIds()
    {
        await HaveFinishedAsync();
        var other = await new DataUpload(await cli.StoreAsync()).UploadAsync(
            "syllables",
            Tokens(272),
            null,
            Tokens(40),
            "nothing",
            null,
            CommandLine.Stop
        );
        var bytes = await new DataUpload(await cli.StoreAsync()).UploadAsync(
            "bytes",
            Tokens(544),
            null,
            Tokens(40),
            "nothing",
            null,
            CommandLine.Stop
        );

        Assert.Equal(2, await cli.RunAsync("distill", "micro", "--into", "micro", "--submit-only", "--data", other));
        Assert.Contains("in tokens of 'syllables', run 'micro' was trained on tokens of 'bytes'", cli.Error, StringComparison.Ordinal);
        Assert.Equal(0, await cli.RunAsync("distill", "micro", "--into", "micro", "--submit-only", "--data", bytes));
        var student = await new RunDocuments(await cli.StoreAsync(), "micro-distilled").TryReadSpecAsync(CommandLine.Stop);
        Assert.Equal((bytes, 544), (student!.Recipe.Data.Sha256, student.Recipe.Data.TrainTokens));
    }

    /// <summary>Run 'micro' with both stages finished, judged and mixed.</summary>
    private async Task<RunSpec> HaveFinishedAsync()
    {
        var store = await cli.StoreAsync();
        var sha256 = await new DataUpload(store).UploadAsync("bytes", Tokens(272), null, Tokens(256), "nothing", null, CommandLine.Stop);
        var spec = SpecReader.FromPreset("micro");
        spec = spec with { Recipe = spec.Recipe with { Data = spec.Recipe.Data with { Sha256 = sha256 } } };
        Assert.True(await new RunDocuments(store, "micro").TryCreateSpecAsync(spec, CommandLine.Stop));
        var manifest = await new StoredTokenSets(store).ReadManifestAsync(sha256, CommandLine.Stop);
        var members = new List<string>();
        for (byte stage = 0; stage < 2; stage++)
        {
            var snapshot = await new SnapshotStore(store, "micro", cli.Time).CreateAsync(
                [new TensorData("wte.weight", ElementType.F32, [1], new byte[] { 1, 2, 3, stage })],
                CommandLine.Stop
            );
            members.Add(snapshot.Sha256);
            await cli.HaveRootAsync("micro", $"chain0/stage{stage}", CommandLine.Begun(8) with { Snapshot = snapshot });
            await new RunScores(store, "micro").CreateAsync(
                new NewScore
                {
                    SnapshotSha256 = snapshot.Sha256,
                    SetSha256 = manifest.Validation!.Sha256,
                    Rows = 8,
                    NumericsFingerprint = "f",
                    LossNats = 3,
                    BitsPerByte = 4,
                },
                new float[] { 0.1f },
                CommandLine.Stop
            );
        }

        Assert.True(
            await new RunScores(store, "micro").TryCreateEnsembleAsync(
                new EnsembleScore
                {
                    Members = members,
                    Running = [3, 2.5],
                    LossNats = 2.5,
                    BitsPerByte = 3.5,
                    Weights = [0.75, 0.25],
                },
                CommandLine.Stop
            )
        );
        return spec;
    }

    private static ArrayTokenSet Tokens(int count) =>
        new([.. Enumerable.Range(0, count).Select(i => (ushort)(i == 0 ? 256 : i % 7))], [0], [.. Enumerable.Repeat(1, 256), 0]);
}
