using Slowrun.Clustering.Hosting;
using Slowrun.Clustering.Membership;
using Slowrun.Storage;

namespace Slowrun.Clustering.Tests.Membership;

public sealed class SiloEndsTests
{
    private readonly MemoryStore store = new();

    [Fact]
    public async Task Record_OfAProcessThatServed_MarksItsSiloDeadAndTellsHowItEnded()
    {
        var entry = await JoinAsync();

        await new SiloEnds(store).RecordAsync(Environment.ProcessId, new SiloEnd(11, null), TestContext.Current.CancellationToken);

        var silo = entry.SiloAddress.ToParsableString();
        Assert.Equal(new SiloEnd(11, null), await new SiloEnds(store).TryFindAsync(silo, TestContext.Current.CancellationToken));
        var table = await new StoreMembershipTable(store).ReadAllAsync(TestContext.Current.CancellationToken);
        Assert.Equal(SiloStatus.Dead, Assert.Single(table.Members).Item1.Status);
    }

    [Fact]
    public async Task Record_StaysWhenOrleansWritesTheRowAgain()
    {
        var entry = await JoinAsync();
        await new SiloEnds(store).RecordAsync(Environment.ProcessId, new SiloEnd(9, null), TestContext.Current.CancellationToken);
        var table = new StoreMembershipTable(store);
        var now = await table.ReadAllAsync(TestContext.Current.CancellationToken);
        Assert.True(
            await table.UpdateRowAsync(
                now.Members[0].Item1,
                now.Members[0].Item2,
                now.Version.Next(),
                TestContext.Current.CancellationToken
            )
        );

        Assert.NotNull(await new SiloEnds(store).TryFindAsync(entry.SiloAddress.ToParsableString(), TestContext.Current.CancellationToken));
    }

    [Fact]
    public async Task Record_OfAProcessThatNeverJoined_ChangesNothing()
    {
        await JoinAsync();
        await new SiloEnds(store).RecordAsync(1, new SiloEnd(11, null), TestContext.Current.CancellationToken);

        var table = await new StoreMembershipTable(store).ReadAllAsync(TestContext.Current.CancellationToken);
        Assert.Equal(SiloStatus.Active, Assert.Single(table.Members).Item1.Status);
    }

    [Theory]
    [InlineData(139, false, true, "was ended by signal 11 (a crash)")]
    [InlineData(134, false, true, "was ended by signal 6 (a crash)")]
    [InlineData(137, false, false, "was ended by signal 9")]
    [InlineData(137, true, true, "was ended by signal 9, most likely since the machine had no memory left")]
    [InlineData(143, false, false, "was ended by signal 15")]
    [InlineData(1, false, true, "ended with exit code 1")]
    [InlineData(0, false, false, "ended with exit code 0")]
    [InlineData(75, false, false, "ended with exit code 75")]
    public void Of_AnExitCode_TellsACrashFromAKill(int exitCode, bool outOfMemory, bool isCrash, string words)
    {
        var end = SiloEnd.Of(exitCode, outOfMemory);

        Assert.Equal((isCrash, words), (end.IsCrash, end.ToString()));
    }

    [Theory]
    [InlineData(139, false)]
    [InlineData(137, false)]
    [InlineData(143, false)]
    [InlineData(1, false)]
    [InlineData(0, true)]
    [InlineData(75, true)]
    public void Of_AnExitCode_TellsASiloThatEndedByItself(int exitCode, bool gaveUp) =>
        Assert.Equal(gaveUp, SiloEnd.Of(exitCode, outOfMemory: false).GaveUp);

    [Fact]
    public void End_OfASiloThatFindsItselfDeclaredDead_IsNoCrash()
    {
        SiloEnd? end = null;

        new EndAtOnce(TextWriter.Null, code => end = SiloEnd.Of(code, outOfMemory: false)).OnFatalException();

        Assert.False(end!.IsCrash);
        Assert.NotEqual(0, end.ExitCode);
    }

    [Theory]
    [InlineData("core-dump", "dumped", "SEGV", true, "was ended by signal 11 (a crash)")]
    [InlineData("signal", "killed", "ABRT", true, "was ended by signal 6 (a crash)")]
    [InlineData("signal", "killed", "KILL", false, "was ended by signal 9")]
    [InlineData("oom-kill", "killed", "KILL", true, "was ended by signal 9, most likely since the machine had no memory left")]
    [InlineData("exit-code", "exited", "134", true, "ended with exit code 134")]
    public void OfService_ThatFailed_TellsACrashFromAKill(string result, string code, string status, bool isCrash, string words)
    {
        var end = SiloEnd.OfService(result, code, status)!;

        Assert.Equal((isCrash, words), (end.IsCrash, end.ToString()));
    }

    [Theory]
    [InlineData("success", "exited", "0")]
    [InlineData("success", "killed", "TERM")]
    [InlineData("watchdog", "dumped", "ABRT")]
    [InlineData("timeout", "killed", "KILL")]
    [InlineData("start-limit-hit", null, null)]
    [InlineData(null, null, null)]
    public void OfService_ThatNobodyIsToBlameFor_TellsNothing(string? result, string? code, string? status) =>
        Assert.Null(SiloEnd.OfService(result, code, status));

    [Fact]
    public async Task RecordLast_FindsTheProcessThatIsGone_AndNotTheOneThatLives()
    {
        var lives = await JoinAsync();
        await new SiloEnds(store).RecordLastAsync(new SiloEnd(11, null), TestContext.Current.CancellationToken);

        Assert.Null(await new SiloEnds(store).TryFindAsync(lives.SiloAddress.ToParsableString(), TestContext.Current.CancellationToken));

        var file = new MembershipFile(store);
        await file.ChangeAsync(
            document =>
                document with
                {
                    Rows = [.. document.Rows.Select(row => row with { Process = row.Process! with { StartTicks = 1 } })],
                },
            TestContext.Current.CancellationToken
        );
        await new SiloEnds(store).RecordLastAsync(new SiloEnd(11, null), TestContext.Current.CancellationToken);

        Assert.Equal(
            new SiloEnd(11, null),
            await new SiloEnds(store).TryFindAsync(lives.SiloAddress.ToParsableString(), TestContext.Current.CancellationToken)
        );
    }

    private async Task<MembershipEntry> JoinAsync()
    {
        var table = new StoreMembershipTable(store);
        var entry = Entries.New();
        var empty = await table.ReadAllAsync(TestContext.Current.CancellationToken);
        Assert.True(await table.InsertRowAsync(entry, empty.Version.Next(), TestContext.Current.CancellationToken));
        return entry;
    }
}
