using System.Net;
using Microsoft.Extensions.Time.Testing;
using Slowrun.Clustering.Membership;
using Slowrun.Storage;

namespace Slowrun.Clustering.Tests.Membership;

/// <summary>Silos in a table, watched as by a silo that joins: whose ports answer, and what the store does, is the test's.</summary>
public abstract class WatchedTableTests
{
    private protected static readonly ProcessIdentity Elsewhere = new("elsewhere", 4711, 99);
    private protected static readonly TimeSpan Second = TimeSpan.FromSeconds(1);
    private protected static readonly TimeSpan Patience = ClusterTuning.Heartbeat + HeartbeatWatch.Allowance;

    private protected readonly RecordingStore store = new(new MemoryStore());
    private protected readonly FakeTimeProvider time = new(new DateTimeOffset(Entries.Now));
    private protected readonly HashSet<IPEndPoint> answering = [];
    private protected readonly HashSet<IPEndPoint> refusing = [];
    private protected readonly StoreMembershipTable table;
    private protected readonly DeadSilos dead;

    protected WatchedTableTests()
    {
        table = new StoreMembershipTable(store);
        dead = new DeadSilos(
            store,
            time,
            (endpoint, _) =>
                Task.FromResult(
                    answering.Contains(endpoint) ? PortAnswer.Accepts
                    : refusing.Contains(endpoint) ? PortAnswer.Refuses
                    : PortAnswer.Silent
                )
        );
    }

    private protected static CancellationToken Cancel => TestContext.Current.CancellationToken;

    /// <summary>Looks every second, as a joining silo does, and tells who was buried meanwhile.</summary>
    private protected async Task<IReadOnlyList<BuriedSilo>> WatchAsync(TimeSpan duration, DeadSilos? watcher = null)
    {
        watcher ??= dead;
        List<BuriedSilo> buried = [.. await watcher.BuryAsync(Cancel)];
        for (var watched = Second; watched <= duration; watched += Second)
        {
            time.Advance(Second);
            buried.AddRange(await watcher.BuryAsync(Cancel));
        }

        return buried;
    }

    private protected async Task<string> PromisingAsync(double seconds)
    {
        var entry = await new StoreMembershipTable(store, Elsewhere).AddAsync(Entries.New());
        await new MembershipFile(store).ChangeAsync(
            document => document.With(document.Rows[0], document.Rows[0] with { HeartbeatSeconds = seconds }),
            Cancel
        );
        return entry.SiloAddress.ToParsableString();
    }
}
