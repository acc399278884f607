using Slowrun.Core.Recipes;
using Slowrun.Core.Stages;
using Slowrun.Storage.Runs;

namespace Slowrun.Client.Tests.Commands;

public sealed class DeleteCommandTests
{
    private const string Stage = "chain0/stage0";

    private readonly CommandLine cli = new();

    [Fact]
    public async Task Delete_OfACancelledRun_LeavesItsDataAndOtherRuns()
    {
        var spec = await cli.HaveRunAsync();
        await cli.HaveRunAsync("other", "seed=9");
        await cli.HaveCurveAsync("micro", Stage, [3, 2]);
        await cli.RunAsync("cancel", "micro");

        Assert.Equal(0, await cli.RunAsync("delete", "micro", "--dry-run"));
        Assert.Contains("runs/micro/chain0/stage0/root", cli.Output, StringComparison.Ordinal);
        Assert.Contains("would be deleted. The data that 'micro' was trained on stays.", cli.Output, StringComparison.Ordinal);
        Assert.Equal(0, await cli.RunAsync("status", "micro"));

        Assert.Equal(0, await cli.RunAsync("delete", "micro"));
        Assert.Matches(@"^\d+ objects, .* deleted\.", cli.Output);
        Assert.Equal(3, await cli.RunAsync("status", "micro"));
        Assert.Equal(0, await cli.RunAsync("status", "other"));
        var store = await cli.StoreAsync();
        Assert.NotEmpty(await store.ListNamesAsync($"data/{spec.Recipe.Data.Sha256}", CommandLine.Stop).ToListAsync(CommandLine.Stop));
    }

    /// <summary>An import uploads before it makes the run: one that has broken off leaves weights that belong to none.</summary>
    [Theory]
    [InlineData(1)]
    [InlineData(3)]
    public async Task Delete_OfABrokenOffImport_WaitsUntilItCannotBeUnderWay(int hours)
    {
        await cli.HaveRunAsync();
        var store = await cli.StoreAsync();
        var left = RunPaths.Snapshot("theirs", new string('a', 64));
        await store.WriteAsync(left, new byte[1000], CommandLine.Stop);
        var written = (await store.TryReadAsync(left, CommandLine.Stop))!.ModifiedAt;
        Assert.Equal(1, await cli.RunAsync("list"));
        Assert.Contains("'theirs' of '", cli.Error, StringComparison.Ordinal);
        Assert.Contains("has imported weights alone", cli.Error, StringComparison.Ordinal);
        Assert.Equal(3, await cli.RunAsync("checkpoints", "gc", "theirs"));
        Assert.Contains("'slowrun delete theirs' deletes the weights", cli.Error, StringComparison.Ordinal);

        cli.Time.SetUtcNow(written + TimeSpan.FromHours(hours) - TimeSpan.FromSeconds(30));
        Assert.Equal(hours > 1 ? 0 : 1, await cli.RunAsync("delete", "theirs"));
        if (hours == 1)
        {
            Assert.Contains("the import may be under way", cli.Error, StringComparison.Ordinal);
            Assert.NotNull(await store.TryReadAsync(left, CommandLine.Stop));
            Assert.Equal(0, await cli.RunAsync("delete", "theirs", "--force"));
        }

        Assert.Empty(await store.ListNamesAsync("runs/theirs/", CommandLine.Stop).ToListAsync(CommandLine.Stop));
        Assert.Equal(0, await cli.RunAsync("list"));
    }

    [Fact]
    public async Task Delete_OfARunThatIsNotOver_SaysHowToEndIt()
    {
        await cli.HaveRunAsync();

        Assert.Equal(1, await cli.RunAsync("delete", "micro"));

        Assert.Contains(
            "'micro' is Pending: only a run that is over is deleted. 'slowrun cancel micro'",
            cli.Error,
            StringComparison.Ordinal
        );
        Assert.Equal(0, await cli.RunAsync("status", "micro"));
    }

    [Theory]
    [InlineData("mikro", "Did you mean 'micro'?")]
    [InlineData("../micro", "There is no run '../micro'")]
    public async Task Delete_OfNoRun_IsNoSuchThing(string name, string message)
    {
        await cli.HaveRunAsync();

        Assert.Equal(3, await cli.RunAsync("delete", name));

        Assert.Contains(message, cli.Error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Delete_WhileASiloOwnsAStage_DeletesNothing()
    {
        await cli.HaveRunAsync();
        await cli.HaveSilosAsync("gpu-1");
        await cli.HaveRootAsync("micro", Stage, CommandLine.Owned(3));
        await cli.RunAsync("cancel", "micro");

        Assert.Equal(1, await cli.RunAsync("delete", "micro"));
        Assert.Contains("Silo 'gpu-1' still owns chain0/stage0 of 'micro'", cli.Error, StringComparison.Ordinal);
        Assert.Equal(0, await cli.RunAsync("status", "micro"));

        await cli.HaveRootAsync("micro", Stage, CommandLine.Begun(3));
        Assert.Equal(0, await cli.RunAsync("delete", "micro"));
    }

    [Fact]
    public async Task Delete_OfATeacher_IsRefusedUntilItsStudentHasFinishedAndThenWantsForce()
    {
        var teacher = await cli.HaveRunAsync();
        await cli.RunAsync("cancel", "micro");
        var recipe = teacher.Recipe with
        {
            Stage = teacher.Recipe.Stage with { Distillation = new DistillationRecipe() },
            Chains = [new ChainRecipe()],
            Teacher = new TeacherRecipe
            {
                Run = "micro",
                Model = teacher.Recipe.Model,
                Members = [new TeacherMemberRecipe { Sha256 = new string('a', 64), Weight = 1 }],
            },
        };
        Assert.True(
            await new RunDocuments(await cli.StoreAsync(), "student").TryCreateSpecAsync(
                teacher with
                {
                    Name = "student",
                    Recipe = recipe,
                },
                CommandLine.Stop
            )
        );

        Assert.Equal(1, await cli.RunAsync("delete", "micro", "--force"));
        Assert.Contains("Run 'student' is taught by 'micro' and has not finished.", cli.Error, StringComparison.Ordinal);

        await cli.HaveRootAsync(
            "student",
            Stage,
            CommandLine.Begun(8) with
            {
                Current = null,
                Snapshot = new SnapshotRef("none", "none", 1, CommandLine.Start),
            }
        );
        Assert.Equal(1, await cli.RunAsync("delete", "micro"));
        Assert.Contains("'micro' taught 'student'", cli.Error, StringComparison.Ordinal);
        Assert.Equal(0, await cli.RunAsync("delete", "micro", "--force"));
        Assert.Equal(0, await cli.RunAsync("status", "student"));
    }

    [Fact]
    public async Task Delete_WhenTwoRunsCannotBeRead_IsPossibleWithForce()
    {
        var store = await cli.StoreAsync();
        foreach (var run in (string[])["micro", "other"])
        {
            await cli.HaveRunAsync(run);
            await store.WriteAsync(RunPaths.Spec(run), "damaged"u8.ToArray(), CommandLine.Stop);
            await store.WriteAsync(RunPaths.Spec(run) + ".copy", "damaged"u8.ToArray(), CommandLine.Stop);
        }

        Assert.Equal(1, await cli.RunAsync("delete", "micro"));
        Assert.Contains("'micro' may have taught run 'other', which cannot be read", cli.Error, StringComparison.Ordinal);
        Assert.Equal(0, await cli.RunAsync("delete", "micro", "--force"));
        Assert.Equal(["other"], await RunDocuments.ListRunsAsync(store, CommandLine.Stop).ToListAsync(CommandLine.Stop));
    }

    [Fact]
    public async Task Delete_OfWhatADeletionLeft_DeletesIt()
    {
        await cli.HaveRunAsync();
        var store = await cli.StoreAsync();
        await store.TryDeleteAsync(RunPaths.Spec("micro"), cancellationToken: CommandLine.Stop);
        await store.TryDeleteAsync(RunPaths.Spec("micro") + ".copy", cancellationToken: CommandLine.Stop);
        Assert.Equal(3, await cli.RunAsync("status", "micro"));
        Assert.Contains("'slowrun delete micro' deletes what is left", cli.Error, StringComparison.Ordinal);

        Assert.Equal(0, await cli.RunAsync("delete", "micro"));

        Assert.Empty(await RunDocuments.ListRunsAsync(store, CommandLine.Stop).ToListAsync(CommandLine.Stop));
    }
}
