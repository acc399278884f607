using Slowrun.Core.Plan;
using Slowrun.Core.Specs;
using Slowrun.Grains.Interfaces;
using Slowrun.Grains.Slots;
using Slowrun.Grains.Stages;
using Slowrun.Storage;
using Slowrun.Storage.Addresses;
using Slowrun.Storage.Checkpoints;
using Slowrun.Storage.Directories;
using Slowrun.Storage.Runs;
using Slowrun.Storage.Tests.Checkpoints;

namespace Slowrun.Grains.Tests;

/// <summary>A run that another run's whole ensemble teaches: whatever happens to it, it ends with the same bytes or says why not.</summary>
public sealed class DistilledRunTests
{
    private const string Student = "student";

    private static readonly StageId Stage = new(0, 0);

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Run_OfADistilledSpec_IsReadyAtOnceAndTakesTheEnsembleIntoItsIdentity()
    {
        var store = await TaughtAsync();
        await using var student = new LocalRun(store, Student);
        Assert.Equal([Stage], Readiness.ToTrain(await student.FactsAsync()));

        var status = await student.FinishAsync();

        Assert.True(status.State == RunState.Succeeded, await student.StoryAsync());
        var facts = await student.FactsAsync();
        Assert.Equal(facts.Spec.Recipe.Teacher!.ContentSha256(), facts.RootOf(Stage).Identity!.TeacherSha256);
    }

    [Fact]
    public async Task Run_StoppedAfterEveryStep_EndsWithTheSameBytes()
    {
        var store = await TaughtAsync();
        var calm = await SnapshotAsync(new LocalRun(await CopyAsync(store), Student));
        await using var run = new LocalRun(store, Student);
        var takes = 0;
        while (await run.StepAsync(_ => takes++, (runner, _) => runner.Stop(StopReason.Requested))) { }

        Assert.True(takes >= 4, $"Only {takes} takes: the run was hardly disturbed.");
        Assert.Equal(calm, await SnapshotAsync(run));
    }

    /// <summary>The machine vanishes after each write of the root in turn: each take, each commit, the finish.</summary>
    [Fact]
    public async Task Run_WhenItsSiloDiesAfterAnyCommit_EndsWithTheSameBytes()
    {
        var store = await TaughtAsync();
        var calmStore = new FaultyStore(await CopyAsync(store), int.MaxValue, Fault.DiesAfter);
        var calm = await SnapshotAsync(new LocalRun(calmStore, Student));
        var commits = calmStore.Kinds.Single(kind =>
            kind.Key.StartsWith("replace", StringComparison.Ordinal) && kind.Key.EndsWith("/root", StringComparison.Ordinal)
        );
        Assert.True(commits.Value >= 3, $"Only {commits.Value} commits.");
        var struck = 0;
        for (var n = 1; n <= commits.Value; n++)
        {
            var copy = await CopyAsync(store);
            var faulty = new FaultyStore(copy, n, Fault.DiesAfter, commits.Key);
            await DieAsync(faulty);
            struck += faulty.StruckAt is null ? 0 : 1;

            Assert.Equal(calm, await SnapshotAsync(new LocalRun(copy, Student)));
        }

        // How many commits fit beside the training varies by a few.
        Assert.True(struck >= 3, $"Only {struck} silos died.");
    }

    [Theory]
    [InlineData("delete", "is missing")]
    [InlineData("flip", "is damaged or was exchanged")]
    public async Task Run_WithAMemberLostOrDamaged_IsRefusedByNameAndGoesOnOnceItIsBack(string damage, string expected)
    {
        var store = await TaughtAsync(failureBudget: 1);
        var calm = await SnapshotAsync(new LocalRun(await CopyAsync(store), Student));
        await using var run = new LocalRun(store, Student);
        var name = RunPaths.Snapshot("micro", (await run.FactsAsync()).Spec.Recipe.Teacher!.Members[1].Sha256);
        var good = (await store.TryReadAsync(name, Cancel))!.Content.ToArray();
        await store.TryDeleteAsync(name, cancellationToken: Cancel);
        if (damage == "flip")
        {
            byte[] bad = [.. good];
            bad[^1] ^= 1;
            await store.WriteAsync(name, bad, Cancel);
        }

        // Taken once, and given back; then looked at before it is taken.
        var refused = await Assert.ThrowsAsync<InvalidOperationException>(run.FinishAsync);

        foreach (var told in new[] { refused.Message, await run.StoryAsync() })
        {
            Assert.Contains("Member 2 of the 2 that teach, of run 'micro'", told, StringComparison.Ordinal);
            Assert.Contains(name, told, StringComparison.Ordinal);
            Assert.Contains(expected, told, StringComparison.Ordinal);
        }

        var root = (await run.FactsAsync()).RootOf(Stage);
        Assert.Equal((0, 0, null), (root.DurableStep, root.FailedTakes, root.Failure));

        await store.WriteAsync(name, good, Cancel);
        Assert.Equal(calm, await SnapshotAsync(run));
    }

    [Fact]
    public async Task Take_OfAStudentWhoseTeacherIsAnother_IsRefused()
    {
        var store = await TaughtAsync();
        await using var run = new LocalRun(store, Student);
        Assert.NotNull(await run.TakeAsync(Stage));
        var spec = (await run.FactsAsync()).Spec;
        var teacher = spec.Recipe.Teacher!;
        var other = spec with { Recipe = spec.Recipe with { Teacher = teacher with { Members = [.. teacher.Members.Reverse()] } } };
        await store.WriteAsync(RunPaths.Spec(Student), SealedJson.Serialize(RunPaths.Spec(Student), other), Cancel);

        var (runner, reason) = await run.OfferAsync(Stage, new SlotOffer(LocalRun.Silo, ["cpu:0"]));

        Assert.Null(runner);
        Assert.Contains("eacher", reason, StringComparison.Ordinal);
    }

    /// <summary>Neither the teacher's clean-up nor the student's takes a member away from a student that has not finished.</summary>
    [Fact]
    public async Task Collect_OfTeacherAndStudent_LeavesEveryMemberThatTeaches()
    {
        var store = await TaughtAsync();
        await using var run = new LocalRun(store, Student);
        Assert.True(
            await run.StepAsync(
                afterStep: (runner, step) =>
                {
                    if (step > 2)
                    {
                        runner.Stop(StopReason.Requested);
                    }
                }
            )
        );
        Assert.False((await run.FactsAsync()).RootOf(Stage).Finished);

        await new CheckpointInventory(store, "micro").CollectAsync([new(0, 0), new(0, 1)], null, 2, dryRun: false, Cancel);
        await new CheckpointInventory(store, Student).CollectAsync([Stage], null, 2, dryRun: false, Cancel);

        var status = await run.FinishAsync();
        Assert.True(status.State == RunState.Succeeded, await run.StoryAsync());
    }

    /// <summary>There the members are read from files, turn by turn.</summary>
    [Fact]
    public async Task Run_OnADirectory_EndsWithTheBytesOfARunInMemory()
    {
        var folder = Directory.CreateTempSubdirectory("slowrun-distilled-");
        try
        {
            var memory = await TaughtAsync();
            var directory = await StoreAddress.OpenAsync(folder.FullName, create: true, cancellationToken: Cancel);
            Assert.IsType<DirectoryStore>(directory);
            await foreach (var entry in memory.ListAsync("", Cancel))
            {
                await directory.WriteAsync(entry.Name, (await memory.TryReadAsync(entry.Name, Cancel))!.Content, Cancel);
            }

            Assert.Equal(await SnapshotAsync(new LocalRun(memory, Student)), await SnapshotAsync(new LocalRun(directory, Student)));
        }
        finally
        {
            folder.Delete(recursive: true);
        }
    }

    /// <summary>A store with a finished run 'micro', and a student of another size that has not begun.</summary>
    private static async Task<MemoryStore> TaughtAsync(int failureBudget = 3)
    {
        var store = new MemoryStore();
        await using var teacher = new LocalRun(store);
        await teacher.SubmitAsync();
        Assert.Equal(RunState.Succeeded, (await teacher.FinishAsync()).State);
        var facts = await teacher.FactsAsync();
        await new LocalRun(store, Student).SubmitAsync(spec =>
            DistilledRun.Of(
                spec with
                {
                    Recipe = spec.Recipe with { Model = spec.Recipe.Model with { Width = 64 } },
                    Operations = spec.Operations with { FailureBudget = failureBudget },
                },
                facts,
                ownData: false,
                baseline: false
            )
        );
        var student = (await new LocalRun(store, Student).FactsAsync()).Spec;
        Assert.Equal(facts.Spec.Recipe.Data.Sha256, student.Recipe.Data.Sha256);
        return store;
    }

    private static async Task<string> SnapshotAsync(LocalRun run)
    {
        var status = await run.FinishAsync();
        Assert.True(status.State == RunState.Succeeded, await run.StoryAsync());
        return status.Stages[0].SnapshotSha256!;
    }

    /// <summary>Works on the store until it is done or the machine vanishes. What vanished may go on, but reaches the store no
    /// more.</summary>
    private static async Task DieAsync(FaultyStore store)
    {
        StageRunner? runner = null;
        var work = Task.Run(async () =>
        {
            try
            {
                await new LocalRun(store, Student).StepAsync(begun => Volatile.Write(ref runner, begun));
            }
            catch (IOException)
            {
                // It vanished while it took the stage.
            }
        });
        await Task.WhenAny(work, store.Striking);
        Volatile.Read(ref runner)?.Stop(StopReason.Fenced);
        await work;
    }

    private static async Task<MemoryStore> CopyAsync(MemoryStore from)
    {
        var copy = new MemoryStore();
        await foreach (var entry in from.ListAsync("", Cancel))
        {
            await copy.WriteAsync(entry.Name, (await from.TryReadAsync(entry.Name, Cancel))!.Content, Cancel);
        }

        return copy;
    }
}
