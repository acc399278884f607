using System.Net;
using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Time.Testing;
using Slowrun.Clustering.Membership;
using Slowrun.Clustering.Tables;
using Slowrun.Clustering.Tests.Membership;
using Slowrun.Storage;

namespace Slowrun.Clustering.Tests.Tables;

/// <summary>A table in memory with the document beside it, as one silo sees them.</summary>
internal sealed class TableFixture
{
    public static readonly TimeSpan Second = TimeSpan.FromSeconds(1);
    private static readonly ProcessIdentity Elsewhere = new("elsewhere", 4711, 99);

    private readonly StoreMembershipTable inner = new(new MemoryStore(), self: null);

    public TableFixture()
    {
        var watch = new HeartbeatWatch(Time);
        Faults = new FaultyTable(inner);
        Document = new MembershipFile(Store, watch: watch);
        var notes = new SideDocument(Document, Own, null, [], null, Time, NullLogger<SideDocument>.Instance, Cancel);
        Watched = new WatchedTable(Faults, Faults.ProbeAsync, Time);
        Rows = new TableRows(Watched, Document, watch, notes);
        Dead = new DeadSilos(Rows, Rows, Time, AskAsync);
        Suspicions = new Suspicions(Time);
        Table = new TableWithSideDocument(Watched, Rows, notes, new DeathVerdict(Own, Rows, Suspicions), Own, Cancel);
    }

    public FakeTimeProvider Time { get; } = new(new DateTimeOffset(Entries.Now));

    public SiloAddress Own { get; } = SiloAddress.New(IPAddress.Loopback, 22222, 1);

    /// <summary>The document's.</summary>
    public RecordingStore Store { get; } = new(new MemoryStore());

    public FaultyTable Faults { get; }

    public MembershipFile Document { get; }

    public WatchedTable Watched { get; }

    public TableRows Rows { get; }

    public Suspicions Suspicions { get; }

    public IMembershipTable Table { get; }

    public DeadSilos Dead { get; }

    /// <summary>Runs before a port is found silent.</summary>
    public Func<Task> WhileJudged { get; set; } = () => Task.CompletedTask;

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    /// <summary>A silo of another machine, noted in the document.</summary>
    public async Task<MembershipEntry> AddAsync(double? promises = null, ProcessIdentity? process = null)
    {
        var entry = await inner.AddAsync(Entries.New());
        await Document.ChangeAsync(
            document =>
                document with
                {
                    Rows =
                    [
                        .. document.Rows,
                        MembershipRows.From(entry, "noted", process ?? Elsewhere, []) with
                        {
                            HeartbeatSeconds = promises,
                        },
                    ],
                },
            Cancel
        );
        return entry;
    }

    /// <summary>This silo, in the table alone.</summary>
    public async Task<MembershipEntry> JoinAsync(SiloStatus status)
    {
        var entry = Entries.New(status);
        entry.SiloAddress = Own;
        return await inner.AddAsync(entry);
    }

    /// <summary>As its silo does, past this one.</summary>
    public Task BeatAsync(MembershipEntry entry)
    {
        entry.IAmAliveTime = Time.GetUtcNow().UtcDateTime;
        return inner.UpdateIAmAliveAsync(entry, Cancel);
    }

    public Task PromisedBeatAsync(MembershipEntry entry) =>
        new MembershipFile(Store).ChangeAsync(
            document =>
                document.With(
                    document.Find(entry.SiloAddress)!,
                    document.Find(entry.SiloAddress)! with
                    {
                        IAmAliveTime = Time.GetUtcNow().UtcDateTime,
                    }
                ),
            Cancel
        );

    public Task<SiloStatus?> StatusAsync(MembershipEntry entry) => inner.StatusAsync(entry);

    /// <summary>A look each second.</summary>
    public async Task<IReadOnlyList<BuriedSilo>> WatchAsync(TimeSpan duration, Func<Task>? before = null)
    {
        List<BuriedSilo> buried = [.. await Dead.BuryAsync(Cancel)];
        for (var watched = Second; watched <= duration; watched += Second)
        {
            Time.Advance(Second);
            await (before?.Invoke() ?? Task.CompletedTask);
            buried.AddRange(await Dead.BuryAsync(Cancel));
        }

        return buried;
    }

    private async Task<PortAnswer> AskAsync(IPEndPoint endpoint, CancellationToken cancellationToken)
    {
        await WhileJudged();
        return PortAnswer.Silent;
    }
}
