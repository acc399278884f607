using Slowrun.Core.Stages;
using Slowrun.Storage.Checkpoints;
using static Slowrun.Storage.Tests.Checkpoints.Examples;

namespace Slowrun.Storage.Tests.Checkpoints;

public sealed class RootCommitTests
{
    private readonly Document document = new();
    private readonly RootCommit commit;

    public RootCommitTests() => commit = new RootCommit(document, TimeProvider.System);

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Take_WhenItsAnswerIsLost_TriedAgainIsTheSameTake()
    {
        document.Next = Answer.Lost;
        await Assert.ThrowsAsync<IOException>(() => commit.TakeAsync(Request("a"), Cancel));

        var root = await commit.TakeAsync(Request("a"), Cancel);

        Assert.Equal((1L, 0, 1), (root.EpochToken, root.Preemptions, document.Writes));
    }

    [Fact]
    public async Task Take_WhenItMeetsItsOwnEcho_HasTaken()
    {
        document.Next = Answer.Echo;

        Assert.Equal(1, (await commit.TakeAsync(Request("a"), Cancel)).EpochToken);
    }

    [Fact]
    public async Task Take_WhenAnotherCameFirst_IsFenced()
    {
        document.BeforeNextWrite = () => document.Put(StageTransitions.Take(null, Request("b")) with { WriteId = "b" });

        var e = await Assert.ThrowsAsync<FencedException>(() => commit.TakeAsync(Request("a"), Cancel));
        Assert.Contains("b took", e.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("commit", "a, still its owner with epoch token 1, has step 2 in it now.")]
    [InlineData("release", "its owner of epoch token 1 has released it at step 0.")]
    [InlineData("leave", "its owner of epoch token 1 has released it at step 2.")]
    [InlineData("finish", "its owner has finished it.")]
    public async Task Take_WhenTheOldOwnerWritesMeanwhile_SaysWhatHappenedAndMayBeDecidedAgain(string what, string expected)
    {
        await commit.TakeAsync(Request("a"), Cancel);
        var other = document.Another();
        other.BeforeNextWrite = () =>
        {
            other.BeforeNextWrite = null;
            var now = document.Root!;
            document.Put(
                (
                    what switch
                    {
                        "commit" => StageTransitions.Commit(now, 1, Ref(2), new StageLedger()),
                        "release" => StageTransitions.Release(now, 1, ReleaseCause.Left),
                        "leave" => StageTransitions.Release(now, 1, ReleaseCause.Left, last: Ref(2)),
                        _ => StageTransitions.Finish(now, 1, Ref(6), Snapshot(), new StageLedger()),
                    }
                ) with
                {
                    WriteId = "the old owner's",
                }
            );
        };
        var taking = new RootCommit(other, TimeProvider.System);

        var e = await Assert.ThrowsAsync<RootConflictException>(() => taking.TakeAsync(Request("b"), Cancel));

        Assert.Contains(expected, e.Message, StringComparison.Ordinal);
        Assert.DoesNotContain("took the stage", e.Message, StringComparison.Ordinal);
        if (what != "finish")
        {
            Assert.Equal(2, (await taking.TakeAsync(Request("b"), Cancel)).EpochToken);
        }
    }

    [Fact]
    public async Task Take_WhenTheRootWasWrittenSinceItWasJudged_IsToBeDecidedAgain()
    {
        var judged = await commit.TakeAsync(Request("a"), Cancel);
        var committed = await commit.CommitAsync(Ref(2), new StageLedger(), Cancel);
        var taking = new RootCommit(document.Another(), TimeProvider.System);

        await Assert.ThrowsAsync<RootConflictException>(() =>
            taking.TakeAsync(Request("b") with { AfterToken = 1, AfterWriteId = judged.WriteId }, Cancel)
        );

        Assert.Equal(
            2,
            (await taking.TakeAsync(Request("b") with { AfterToken = 1, AfterWriteId = committed.WriteId }, Cancel)).EpochToken
        );
    }

    [Fact]
    public async Task Take_OfAStageThatNobodyHadWhenItWasJudged_IsFencedByWhoeverHasItNow()
    {
        await commit.TakeAsync(Request("a"), Cancel);
        var taking = new RootCommit(document.Another(), TimeProvider.System);

        var e = await Assert.ThrowsAsync<FencedException>(() =>
            taking.TakeAsync(Request("b") with { AfterToken = 0, AfterWriteId = "" }, Cancel)
        );

        Assert.Contains("a took the stage first, with epoch token 1", e.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Commit_WhenItMeetsItsOwnEcho_IsNotWrittenAgain()
    {
        await commit.TakeAsync(Request("a"), Cancel);
        document.Next = Answer.Echo;

        var root = await commit.CommitAsync(Ref(2), new StageLedger(), Cancel);

        Assert.Equal((2, 2), (root.DurableStep, document.Writes));
        Assert.Equal(root, document.Root);
    }

    [Fact]
    public async Task Commit_WhenTheOneBeforeItsAnswerWasLost_GoesOnFromThatOne()
    {
        await commit.TakeAsync(Request("a"), Cancel);
        document.Next = Answer.Lost;
        await Assert.ThrowsAsync<IOException>(() => commit.CommitAsync(Ref(2), new StageLedger(), Cancel));

        var root = await commit.CommitAsync(Ref(4), new StageLedger(), Cancel);

        Assert.Equal((Ref(4), Ref(2)), (root.Current, root.Previous));
    }

    [Fact]
    public async Task Commit_WhenTheRequestWasLost_CanBeTriedAgain()
    {
        await commit.TakeAsync(Request("a"), Cancel);
        document.Next = Answer.None;
        await Assert.ThrowsAsync<IOException>(() => commit.CommitAsync(Ref(2), new StageLedger(), Cancel));

        Assert.Equal(2, (await commit.CommitAsync(Ref(2), new StageLedger(), Cancel)).DurableStep);
    }

    [Fact]
    public async Task Commit_AfterItWasFenced_NeverReplacesTheNewOwnersRoot()
    {
        await commit.TakeAsync(Request("a"), Cancel);
        var taken = StageTransitions.Take(document.Root, Request("b")) with { WriteId = "b" };
        document.Put(taken);
        await Assert.ThrowsAsync<FencedException>(() => commit.CommitAsync(Ref(2), new StageLedger(), Cancel));

        // The document has been read meanwhile, so its next write would be on the new owner's etag.
        await Assert.ThrowsAsync<FencedException>(() => commit.CommitAsync(Ref(3), new StageLedger(), Cancel));
        await Assert.ThrowsAsync<FencedException>(() => commit.ReleaseAsync(ReleaseCause.Left, cancellationToken: Cancel));
        Assert.Equal(taken, document.Root);
    }

    [Fact]
    public async Task Commit_WhenTheStageWasTaken_IsFencedAndWritesNothing()
    {
        await commit.TakeAsync(Request("a"), Cancel);
        var other = new RootCommit(document.Another(), TimeProvider.System);
        await other.TakeAsync(Request("b"), Cancel);

        var e = await Assert.ThrowsAsync<FencedException>(() => commit.CommitAsync(Ref(2), new StageLedger(), Cancel));

        Assert.Equal((1L, 2L), (e.EpochToken, e.NewerEpochToken));
        Assert.Null(document.Root!.Current);
    }

    [Fact]
    public async Task Commit_WhenTheRootWasPutBackToAnOlderOne_WritesTheNewerOneAgain()
    {
        var old = StageTransitions.Take(null, Request("earlier")) with { WriteId = "old" };
        document.Put(old);
        await commit.TakeAsync(Request("a"), Cancel);
        await commit.CommitAsync(Ref(2, 2), new StageLedger(), Cancel);
        document.Put(old);

        var root = await commit.CommitAsync(Ref(4, 2), new StageLedger(), Cancel);

        Assert.Equal((2L, Ref(4, 2), Ref(2, 2)), (root.EpochToken, root.Current, root.Previous));
        Assert.Equal(root, document.Root);
        Assert.Contains("put back to an older one, of epoch token 1", commit.Overruled, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Commit_WhenTheRootWasPutBackToAnOlderOneOfItsOwn_WritesTheNewerOneAgain()
    {
        var first = await commit.TakeAsync(Request("a"), Cancel);
        await commit.CommitAsync(Ref(2), new StageLedger(), Cancel);
        document.Put(first);

        Assert.Equal(Ref(2), (await commit.CommitAsync(Ref(4), new StageLedger(), Cancel)).Previous);
    }

    [Theory]
    [InlineData("release")]
    [InlineData("leave")]
    [InlineData("finish")]
    [InlineData("fail")]
    public async Task Ending_WhenItsAnswerIsLost_TriedAgainIsTheSame(string how)
    {
        await commit.TakeAsync(Request("a"), Cancel);
        document.Next = Answer.Lost;
        await Assert.ThrowsAsync<IOException>(EndAsync);

        var root = await EndAsync();

        Assert.Equal((null, 2), (root.Owner, document.Writes));
        Assert.Equal(how == "release" ? 1 : 0, root.FailedTakes);
        Assert.Equal(how == "leave", root.Current == Ref(4));

        Task<StageRoot> EndAsync() =>
            how switch
            {
                "release" => commit.ReleaseAsync(ReleaseCause.Error, cancellationToken: Cancel),
                "leave" => commit.ReleaseAsync(ReleaseCause.Left, last: Ref(4), cancellationToken: Cancel),
                "finish" => commit.FinishAsync(Ref(6), Snapshot(), new StageLedger(), Cancel),
                _ => commit.FailAsync(new StageFailure("Why.", "What.", 0, DateTimeOffset.UnixEpoch), cancellationToken: Cancel),
            };
    }

    private enum Answer
    {
        Given,
        Lost,
        Echo,
        None,
    }

    /// <summary>A root in memory whose next write can go wrong.</summary>
    private sealed class Document : IRootDocument
    {
        private readonly Box box;
        private StageRoot? known;

        public Answer Next { get; set; }

        public Action? BeforeNextWrite { get; set; }

        public StageRoot? Root => box.Root;

        public int Writes => box.Writes;

        public Document Another() => new(box);

        public Document()
            : this(new Box()) { }

        private Document(Box box) => this.box = box;

        public void Put(StageRoot root) => box.Root = root;

        public Task<StageRoot?> ReadAsync(CancellationToken cancellationToken = default) => Task.FromResult(known = box.Root);

        public Task WriteAsync(StageRoot root, CancellationToken cancellationToken = default)
        {
            BeforeNextWrite?.Invoke();
            var answer = Next;
            Next = Answer.Given;
            if (answer == Answer.None)
            {
                throw new IOException("No request.");
            }

            if (box.Root?.WriteId != known?.WriteId)
            {
                throw new RootConflictException("Changed.");
            }

            box.Root = root;
            box.Writes++;
            known = answer == Answer.Given ? root : known;
            return answer switch
            {
                Answer.Lost => throw new IOException("No answer."),
                Answer.Echo => throw new RootConflictException("Echo."),
                _ => Task.CompletedTask,
            };
        }

        private sealed class Box
        {
            public StageRoot? Root { get; set; }

            public int Writes { get; set; }
        }
    }
}
