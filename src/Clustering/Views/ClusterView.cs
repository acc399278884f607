using System.Net;
using Azure.Data.Tables;
using Slowrun.Clustering.Membership;
using Slowrun.Clustering.Tables;
using Slowrun.Core.Explain;
using Slowrun.Storage;

namespace Slowrun.Clustering.Views;

/// <summary>
/// The silos that serve a store, by the membership document: it shows a client whether to try a connection. One store read; where the rows
/// stand in a table, also one read of the table, which has the heartbeats. A running silo asks Orleans instead, which knows sooner and
/// needs no clock.
/// </summary>
/// <param name="answers">Whether something accepts connections there; null: tries to connect.</param>
public sealed class ClusterView(IObjectStore store, TimeProvider time, Func<IPEndPoint, CancellationToken, Task<bool>>? answers = null)
{
    /// <summary>
    /// Without a heartbeat for so long, a silo of another machine no longer counts as alive unless its port answers: two late heartbeats of
    /// 7.5 s, and some for a slow store.
    /// </summary>
    public static readonly TimeSpan StaleAfter = TimeSpan.FromSeconds(20);

    private readonly MembershipFile file = new(store);
    private readonly Func<IPEndPoint, CancellationToken, Task<bool>> answers = answers ?? SiloPort.AnswersAsync;

    // Results of connection tries, with the time by the monotonic clock: a client that reads four times a second need not try each time.
    private readonly Dictionary<string, (bool Answers, long At)> asked = new(StringComparer.Ordinal);

    private volatile Tables? opened;
    private long triedInVain = long.MinValue;

    /// <summary>Version of the membership that was last read: owners of a newer one are not known to it.</summary>
    public long Version { get; private set; }

    /// <summary>
    /// Silos that are joining, active or leaving, and live: on this machine by their process, else by their heartbeat. A silo whose
    /// heartbeat is old, or lies in the future, may be dead or have a wrong clock (as may this machine): its port is tried.
    /// </summary>
    public async Task<IReadOnlyList<LiveSilo>> ReadAsync(CancellationToken cancellationToken = default)
    {
        var document = await WithSignsAsync(await file.ReadAsync(cancellationToken).ConfigureAwait(false), cancellationToken)
            .ConfigureAwait(false);
        Version = document.Version;
        var now = time.GetUtcNow();
        var alive = await Task.WhenAll(
                document.Rows.Select(async row => (Row: row, Alive: await IsAliveAsync(row, now, cancellationToken).ConfigureAwait(false)))
            )
            .ConfigureAwait(false);
        return
        [
            .. alive
                .Where(judged => judged.Alive)
                .Select(judged => judged.Row)
                .Select(row => new LiveSilo(
                    row.Silo,
                    row.SiloName,
                    row.Status == SiloStatus.Active,
                    row.Process is { IsOfThisMachine: true } process ? process.ProcessId : null,
                    row.LastSign
                )
                {
                    Slots = row.Slots,
                    Memory = MemoryOf(row),
                }),
        ];
    }

    /// <summary>With what the table says of its silos. Where it cannot be read, the document alone: whose port answers lives.</summary>
    private async Task<MembershipDocument> WithSignsAsync(MembershipDocument document, CancellationToken cancellationToken)
    {
        if (document is not { Clustering: { } clustering, ClusterId: { } cluster } || WasAwayJustNow())
        {
            return document;
        }

        TableSigns? signs = null;
        try
        {
            if (opened is not { } tables || tables.Place != clustering)
            {
                opened = tables = new Tables(clustering, AzureTables.Connect(ClusterPlace.Parse(clustering)!, store.Address));
            }

            signs = await TableSigns.TryReadAsync(tables.Account, cluster, cancellationToken).ConfigureAwait(false);
        }
        catch (Exception e) when (e is StoreException or FormatException)
        {
            // No credentials for it, or a newer version's. Who connects to the cluster is told.
        }

        Interlocked.Exchange(ref triedInVain, signs is null ? time.GetTimestamp() : long.MinValue);
        return signs is null
            ? document
            : document with
            {
                Version = signs.Version,
                Rows =
                [
                    .. document.Rows.Select(row =>
                        signs.Rows.TryGetValue(row.Silo, out var found)
                            ? row with
                            {
                                Status = found.Status == SiloStatus.Dead ? SiloStatus.Dead : row.Status,
                                IAmAliveTime = found.Sign > row.IAmAliveTime ? found.Sign : row.IAmAliveTime,
                            }
                            : row
                    ),
                ],
            };
    }

    private bool WasAwayJustNow()
    {
        var at = Interlocked.Read(ref triedInVain);
        return at != long.MinValue && time.GetElapsedTime(at) < StaleAfter;
    }

    private static IReadOnlyList<SlotMemory> MemoryOf(MembershipRow row) =>
        row.SlotBytes is { } known ? [.. row.Slots.Zip(known, (slot, bytes) => new SlotMemory(slot, bytes))] : [];

    private async Task<bool> IsAliveAsync(MembershipRow row, DateTimeOffset now, CancellationToken cancellationToken)
    {
        if (row.Status is SiloStatus.Dead or SiloStatus.None)
        {
            return false;
        }

        var isFresh = (now.UtcDateTime - row.LastSign).Duration() < StaleAfter;
        // A process of this machine can be looked up, independent of a slow store or a wrong clock.
        return row.Process is { IsOfThisMachine: true } process
            ? !process.IsGone() && (isFresh || !process.IsHalted())
            : isFresh || await AnswersAsync(row, cancellationToken).ConfigureAwait(false);
    }

    private async Task<bool> AnswersAsync(MembershipRow row, CancellationToken cancellationToken)
    {
        lock (asked)
        {
            if (asked.TryGetValue(row.Silo, out var last) && time.GetElapsedTime(last.At) < StaleAfter)
            {
                return last.Answers;
            }
        }

        var found = await answers(row.Address.Endpoint, cancellationToken).ConfigureAwait(false);
        lock (asked)
        {
            asked[row.Silo] = (found, time.GetTimestamp());
        }

        return found;
    }

    private sealed record Tables(string Place, TableServiceClient Account);
}
