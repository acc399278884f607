using System.Net;
using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Time.Testing;
using Slowrun.Clustering.Hosting;
using Slowrun.Clustering.Membership;
using Slowrun.Clustering.Tests.Membership;
using Slowrun.Storage;

namespace Slowrun.Clustering.Tests.Hosting;

public sealed class ReachedBeforeJoinTests
{
    private readonly FakeTimeProvider time = new();
    private readonly HashSet<IPEndPoint> silent = [];
    private readonly MemoryStore store = new();
    private readonly MembershipFile file;
    private readonly ReachedBeforeJoin reached;
    private int asked;

    public ReachedBeforeJoinTests()
    {
        file = new MembershipFile(store);
        reached = new ReachedBeforeJoin(
            file,
            SiloAddress.New(IPAddress.Loopback, 1, 1),
            null!,
            time,
            AnswersAsync,
            NullLogger<ReachedBeforeJoin>.Instance
        );
    }

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Wait_WhenEveryMemberAnswers_WaitsForNothing()
    {
        await AddAsync(SiloStatus.Active);
        await AddAsync(SiloStatus.Active);

        Assert.False(await reached.WaitAsync(Cancel));
        Assert.Equal(2, asked);
    }

    [Fact]
    public async Task Wait_ForThoseThatJoinOrAreDead_IsNone()
    {
        silent.Add(await AddAsync(SiloStatus.Joining));
        silent.Add(await AddAsync(SiloStatus.Dead));

        Assert.False(await reached.WaitAsync(Cancel));
    }

    [Fact]
    public async Task Wait_WhenAMemberDoesNotAnswer_EndsOnceItIsDead()
    {
        var member = await AddAsync(SiloStatus.Active);
        silent.Add(member);
        var waiting = reached.WaitAsync(Cancel);
        await AdvanceAsync(waiting, TimeSpan.FromSeconds(5));
        Assert.False(waiting.IsCompleted);

        await file.ChangeAsync(document => document.With(document.Rows[0], document.Rows[0] with { Status = SiloStatus.Dead }), Cancel);
        await file.ReadAsync(Cancel);
        await AdvanceAsync(waiting, TimeSpan.FromSeconds(1));

        Assert.True(await waiting);
    }

    [Fact]
    public async Task Wait_WhenAMemberNeverAnswersAndLives_LeavesItToOrleans()
    {
        silent.Add(await AddAsync(SiloStatus.Active));
        var waiting = reached.WaitAsync(Cancel);

        await AdvanceAsync(waiting, TimeSpan.FromSeconds(21));

        Assert.True(await waiting);
    }

    private Task<bool> AnswersAsync(IPEndPoint endpoint, CancellationToken cancellationToken)
    {
        asked++;
        return Task.FromResult(!silent.Contains(endpoint));
    }

    private async Task<IPEndPoint> AddAsync(SiloStatus status)
    {
        var entry = Entries.New(status);
        entry.SiloAddress = SiloAddress.New(IPAddress.Loopback, 20000 + (file.LastRead?.Rows.Count ?? 0), 1);
        await new StoreMembershipTable(store).AddAsync(entry);
        await file.ReadAsync(Cancel);
        return entry.SiloAddress.Endpoint;
    }

    private async Task AdvanceAsync(Task waiting, TimeSpan duration)
    {
        for (var passed = TimeSpan.Zero; passed < duration && !waiting.IsCompleted; passed += TimeSpan.FromSeconds(0.1))
        {
            time.Advance(TimeSpan.FromSeconds(0.1));
            await Task.Yield();
        }
    }
}
