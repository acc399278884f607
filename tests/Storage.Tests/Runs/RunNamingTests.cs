using Slowrun.Core;
using Slowrun.Core.Specs;
using Slowrun.Storage.Runs;

namespace Slowrun.Storage.Tests.Runs;

public sealed class RunNamingTests
{
    private readonly IObjectStore store = new MemoryStore();

    private static CancellationToken Stop => TestContext.Current.CancellationToken;

    private RunNaming Naming => new(store);

    [Fact]
    public async Task Give_ToARun_IsAnotherNameOfIt()
    {
        await HaveAsync("first");

        Assert.Null(await Naming.GiveAsync("first", "best", Stop));

        Assert.Equal("first", await Naming.ResolveAsync("best", Stop));
        Assert.Equal("first", await Naming.ResolveAsync("first", Stop));
        Assert.Equal("bes", await Naming.ResolveAsync("bes", Stop));
        Assert.Equal("../best", await Naming.ResolveAsync("../best", Stop));
        Assert.Equal("best", await Naming.TryNameOfAsync("first", Stop));
        Assert.Equal(["first"], await RunDocuments.ListRunsAsync(store, Stop).ToListAsync(Stop));
    }

    [Fact]
    public async Task Give_ASecondName_FreesTheFirst()
    {
        await HaveAsync("first");
        await HaveAsync("second");
        await Naming.GiveAsync("first", "best", Stop);

        Assert.Equal("best", await Naming.GiveAsync("first", "better", Stop));
        Assert.Null(await Naming.GiveAsync("second", "best", Stop));

        Assert.Equal("second", await Naming.ResolveAsync("best", Stop));
        Assert.Equal("first", await Naming.ResolveAsync("better", Stop));
    }

    [Fact]
    public async Task Give_ItsOwnName_TakesTheOtherAway()
    {
        await HaveAsync("first");
        await Naming.GiveAsync("first", "best", Stop);

        Assert.Equal("best", await Naming.GiveAsync("first", "first", Stop));

        Assert.Null(await Naming.TryNameOfAsync("first", Stop));
        Assert.Equal("best", await Naming.ResolveAsync("best", Stop));
        Assert.Null(await Naming.GiveAsync("first", "first", Stop));
    }

    [Theory]
    [InlineData("Best")]
    [InlineData("")]
    [InlineData("-best")]
    [InlineData("a/b")]
    [InlineData("given.copy")]
    public async Task Give_ANameThatNoRunCanHave_IsRefused(string name)
    {
        await HaveAsync("first");

        var error = await Assert.ThrowsAsync<InvalidRequestException>(() => Naming.GiveAsync("first", name, Stop));

        Assert.Contains($"'{name}' cannot name a run; expected 1 to 63 of a-z", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Give_ANameThatIsTaken_IsRefusedAndChangesNothing()
    {
        await HaveAsync("first");
        await HaveAsync("second");
        // Weights of an import that goes on.
        await store.WriteAsync(RunPaths.Snapshot("third", "abc"), "s"u8.ToArray(), Stop);
        await Naming.GiveAsync("first", "best", Stop);
        await Naming.GiveAsync("second", "other", Stop);

        var called = await Assert.ThrowsAsync<NotPossibleException>(() => Naming.GiveAsync("second", "best", Stop));
        Assert.Contains("Run 'first'", called.Message, StringComparison.Ordinal);
        var run = await Assert.ThrowsAsync<NotPossibleException>(() => Naming.GiveAsync("second", "first", Stop));
        Assert.Contains("has a run 'first'", run.Message, StringComparison.Ordinal);
        await Assert.ThrowsAsync<NotPossibleException>(() => Naming.GiveAsync("second", "third", Stop));
        await Assert.ThrowsAsync<NotFoundException>(() => Naming.GiveAsync("none", "new", Stop));

        Assert.Equal("other", await Naming.TryNameOfAsync("second", Stop));
        Assert.Equal("first", await Naming.ResolveAsync("best", Stop));
    }

    [Fact]
    public async Task Give_WhileAnotherRunGetsTheName_LeavesItToTheOther()
    {
        await HaveAsync("first");
        await HaveAsync("second");
        var interrupted = new InterruptedStore(store, "create", RunNaming.Document, () => Naming.GiveAsync("second", "best", Stop));

        await Assert.ThrowsAsync<NotPossibleException>(() => new RunNaming(interrupted).GiveAsync("first", "best", Stop));

        Assert.Equal("second", await Naming.ResolveAsync("best", Stop));
    }

    [Fact]
    public async Task Give_WhileARunOfThatNameIsSubmitted_IsTakenBackAndLeavesTheNameOfBefore()
    {
        await HaveAsync("first");
        await Naming.GiveAsync("first", "old", Stop);
        var interrupted = new InterruptedStore(store, "replace", RunNaming.Document, () => HaveAsync("best"));

        await Assert.ThrowsAsync<NotPossibleException>(() => new RunNaming(interrupted).GiveAsync("first", "best", Stop));

        Assert.Equal("best", await Naming.ResolveAsync("best", Stop));
        Assert.Equal("old", await Naming.TryNameOfAsync("first", Stop));
    }

    /// <summary>As a version that knows no given names brings it about.</summary>
    [Fact]
    public async Task Name_ThatARunHasOfItsOwn_IsThatRuns()
    {
        await HaveAsync("first");
        await Naming.GiveAsync("first", "best", Stop);

        await HaveAsync("best");

        Assert.Equal("best", await Naming.ResolveAsync("best", Stop));
        Assert.Null(await Naming.TryNameOfAsync("first", Stop));
        Assert.Empty((await Naming.TryReadAsync(Stop)).Besides(["best", "first"]).Runs);
    }

    [Fact]
    public async Task Give_ThatBreaksOffAnywhere_LeavesTheOldNameOrTheNew()
    {
        await HaveAsync("first");
        await Naming.GiveAsync("first", "old", Stop);
        for (var after = 0; after < 2; after++)
        {
            await Assert.ThrowsAsync<IOException>(() => new RunNaming(new BreakingStore(store, after)).GiveAsync("first", "new", Stop));

            var name = (await Naming.TryNameOfAsync("first", Stop))!;
            Assert.Equal(("old", "first"), (name, await Naming.ResolveAsync(name, Stop)));
        }

        await Naming.GiveAsync("first", "new", Stop);
        Assert.Equal("new", await Naming.TryNameOfAsync("first", Stop));
    }

    [Fact]
    public async Task Document_ThatIsDamaged_IsReadFromItsCopyAndMended()
    {
        await HaveAsync("first");
        await Naming.GiveAsync("first", "old", Stop);
        await Naming.GiveAsync("first", "best", Stop);
        var whole = (await store.TryReadAsync(RunNaming.Document, Stop))!.Content;
        await store.WriteAsync(RunNaming.Document, "{"u8.ToArray(), Stop);

        Assert.Equal("first", await Naming.ResolveAsync("best", Stop));
        await Naming.MendAsync(Stop);

        Assert.Equal(whole.ToArray(), (await store.TryReadAsync(RunNaming.Document, Stop))!.Content.ToArray());
    }

    [Fact]
    public async Task Document_ThatIsLost_StopsNoRunAndIsWrittenAnew()
    {
        await HaveAsync("first");
        foreach (var name in new[] { RunNaming.Document, $"{RunNaming.Document}.copy" })
        {
            await store.WriteAsync(name, "{"u8.ToArray(), Stop);
        }

        Assert.Equal("first", await Naming.ResolveAsync("first", Stop));
        Assert.Null(await Naming.TryNameOfAsync("first", Stop));
        await Naming.CheckFreeAsync("another", Stop);
        var error = await Assert.ThrowsAsync<InvalidDataException>(() => Naming.ResolveAsync("best", Stop));
        Assert.Contains("'slowrun rename' writes it anew", error.Message, StringComparison.Ordinal);

        await Naming.GiveAsync("first", "best", Stop);
        Assert.Equal("first", await Naming.ResolveAsync("best", Stop));
    }

    [Fact]
    public async Task Deletion_OfARun_TakesItsNameAway()
    {
        await HaveAsync("first");
        await Naming.GiveAsync("first", "best", Stop);
        var removal = new RunRemoval(store, "first");
        await removal.CancelAsync(Stop);

        await removal.DeleteAsync(cancellationToken: Stop);

        await HaveAsync("first");
        Assert.Null(await Naming.TryNameOfAsync("first", Stop));
        Assert.Equal("best", await Naming.ResolveAsync("best", Stop));
    }

    [Fact]
    public async Task Deletion_WhileTheRunGetsAName_TakesThatAwayToo()
    {
        await HaveAsync("first");
        var interrupted = new InterruptedStore(store, "delete", RunPaths.Spec("first"), () => Naming.GiveAsync("first", "best", Stop));
        var removal = new RunRemoval(interrupted, "first");
        await removal.CancelAsync(Stop);

        await removal.DeleteAsync(cancellationToken: Stop);

        Assert.Empty((await Naming.TryReadAsync(Stop)).Runs);
    }

    [Fact]
    public async Task Submission_UnderANameThatAnotherRunIsCalled_IsRefusedBeforeItsData()
    {
        await HaveAsync("first");
        await Naming.GiveAsync("first", "best", Stop);
        var spec = SpecReader.FromPreset("micro", new SpecOverrides { Name = "best" });

        var error = await Assert.ThrowsAsync<NotPossibleException>(() =>
            new RunCreation(store).CreateAsync(spec, (_, _) => throw new InvalidOperationException("No data are asked for."), null, Stop)
        );

        Assert.Contains(
            "Run 'first' of 'memory' is called 'best'",
            error.Message.Replace(store.Address, "memory", StringComparison.Ordinal),
            StringComparison.Ordinal
        );
        Assert.Null(await new RunDocuments(store, "best").TryReadSpecAsync(Stop));
    }

    private async Task HaveAsync(string run) =>
        Assert.True(
            await new RunDocuments(store, run).TryCreateSpecAsync(SpecReader.FromPreset("micro", new SpecOverrides { Name = run }), Stop)
        );

    /// <summary>Another process does something just before the first operation of that kind.</summary>
    private sealed class InterruptedStore(IObjectStore inner, string kind, string name, Func<Task> other) : DelegatingStore(inner)
    {
        private bool interrupted;

        protected override async Task<T> AroundAsync<T>(Operation operation, Func<Task<T>> run)
        {
            if (!interrupted && operation.Kind == kind && operation.Name == name)
            {
                interrupted = true;
                await other();
            }

            return await run();
        }
    }

    /// <summary>Ends after so many writes, as a process does that is killed.</summary>
    private sealed class BreakingStore(IObjectStore inner, int after) : DelegatingStore(inner)
    {
        private int writes;

        protected override Task<T> AroundAsync<T>(Operation operation, Func<Task<T>> run) =>
            operation.Kind is not ("replace" or "create" or "write") || writes++ < after
                ? run()
                : throw new IOException("The process was killed here.");
    }
}
