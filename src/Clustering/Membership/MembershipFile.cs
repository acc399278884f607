using Slowrun.Core;
using Slowrun.Storage;

namespace Slowrun.Clustering.Membership;

/// <summary>Reads and replaces <c>cluster/membership</c>. Where there is none, the table is empty.</summary>
/// <param name="watch">Gets the times of the store's answers; null: none.</param>
/// <param name="longestWait">Between two rounds; null: 200 ms, a few times what a read and a write take on a cloud store.</param>
/// <param name="time">Of the waits; null: this machine's.</param>
internal sealed class MembershipFile(
    IObjectStore store,
    TimeSpan? longestWait = null,
    HeartbeatWatch? watch = null,
    TimeProvider? time = null
) : ISiloRows
{
    public const string Name = "cluster/membership";

    /// <summary>Its content is not used.</summary>
    public const string Probe = "cluster/probe";

    // Silos that heartbeat at the same moment need a round each at worst; far more rounds mean that the store refuses every write.
    private const int Rounds = 100;

    // Longer than a read and a write take on one machine (3 ms); doubled until it is longer than they take on a cloud store.
    private static readonly TimeSpan FirstWait = TimeSpan.FromMilliseconds(10);
    private readonly TimeProvider time = time ?? TimeProvider.System;
    private readonly Backoff waits = new(FirstWait, longestWait ?? TimeSpan.FromMilliseconds(200));

    public async Task<MembershipDocument> ReadAsync(CancellationToken cancellationToken) =>
        (await ReadWithETagAsync(cancellationToken).ConfigureAwait(false)).Document;

    /// <summary>Replaces the document by <paramref name="change"/> of it, again from the start as often as another writer was
    /// faster.</summary>
    /// <param name="change">Pure. Returns null to refuse, or the document itself where nothing has to be written.</param>
    /// <returns>False where <paramref name="change"/> refused.</returns>
    public async Task<bool> ChangeAsync(Func<MembershipDocument, MembershipDocument?> change, CancellationToken cancellationToken)
    {
        for (var round = 0; round < Rounds; round++)
        {
            var (document, etag) = await ReadWithETagAsync(cancellationToken).ConfigureAwait(false);
            var changed = change(document);
            if (changed is null || ReferenceEquals(changed, document))
            {
                return changed is not null;
            }

            var bytes = CanonicalJson.Serialize(changed);
            var written = await WriteAsync(bytes, etag, cancellationToken).ConfigureAwait(false);
            if (written is not null)
            {
                return true;
            }

            // Random, so that two silos in step do not stay in step.
            await Task.Delay(waits.After(round + 1, Random.Shared.NextDouble()), time, cancellationToken).ConfigureAwait(false);
        }

        throw new IOException(
            $"'{Name}' in {store.Address} was changed by others {Rounds} times while this silo tried to change it. Start fewer silos at once, or check whether "
                + "conditional writes to the store work at all (slowrun doctor)."
        );
    }

    /// <inheritdoc/>
    public MembershipDocument? LastRead { get; private set; }

    /// <summary>
    /// After how long a heartbeat is started again: a request in the store's own retries may still wait after the store has recovered.
    /// Longer on a slow store, or no heartbeat would ever be written.
    /// </summary>
    public TimeSpan TryTime => watch?.TryTime ?? HeartbeatWatch.ShortestTry;

    /// <summary>Writes an object whose content is not used. Does nothing without a watch.</summary>
    public async Task ProveWritableAsync(CancellationToken cancellationToken)
    {
        if (watch is not null)
        {
            await WatchedAsync(() => store.WriteAsync(Probe, "{}"u8.ToArray(), cancellationToken), watch.Wrote).ConfigureAwait(false);
        }
    }

    /// <inheritdoc/>
    public async Task<IReadOnlyList<MembershipRow>> DeclareDeadAsync(
        IReadOnlyList<MembershipRow> judged,
        CancellationToken cancellationToken
    )
    {
        var dead = judged.ToDictionary(row => row.Silo);
        var writeId = Guid.NewGuid().ToString("N");
        IReadOnlyList<MembershipRow> declared = [];
        await ChangeAsync(
                current =>
                {
                    bool IsDead(MembershipRow row) =>
                        dead.TryGetValue(row.Silo, out var then) && row.Status != SiloStatus.Dead && row.IAmAliveTime == then.IAmAliveTime;
                    declared = [.. current.Rows.Where(row => IsDead(row) || row.ETag == writeId)];
                    return !current.Rows.Any(IsDead)
                        ? current
                        : current with
                        {
                            Version = current.Version + 1,
                            WriteId = writeId,
                            Rows =
                            [
                                .. current.Rows.Select(row => IsDead(row) ? row with { Status = SiloStatus.Dead, ETag = writeId } : row),
                            ],
                        };
                },
                cancellationToken
            )
            .ConfigureAwait(false);
        return declared;
    }

    private async Task<(MembershipDocument Document, string? ETag)> ReadWithETagAsync(CancellationToken cancellationToken)
    {
        (MembershipDocument Document, string? ETag) found = (new MembershipDocument(), null);
        await WatchedAsync(
                async () =>
                {
                    if (await store.TryReadAsync(Name, cancellationToken).ConfigureAwait(false) is { } stored)
                    {
                        found = (Parse(stored), stored.ETag);
                        LastRead = found.Document;
                    }
                },
                began => watch!.Read(began, found.Document)
            )
            .ConfigureAwait(false);
        return found;
    }

    /// <returns>Null where another write was faster.</returns>
    private async Task<string?> WriteAsync(byte[] bytes, string? etag, CancellationToken cancellationToken)
    {
        string? written = null;
        await WatchedAsync(
                async () =>
                    written = etag is null
                        ? await store.TryCreateAsync(Name, bytes, cancellationToken).ConfigureAwait(false)
                        : await store.TryReplaceAsync(Name, bytes, etag, cancellationToken).ConfigureAwait(false),
                began => watch!.Wrote(began)
            )
            .ConfigureAwait(false);
        return written;
    }

    private async Task WatchedAsync(Func<Task> operation, Action<long> done)
    {
        var began = watch?.Now;
        try
        {
            await operation().ConfigureAwait(false);
        }
        catch
        {
            watch?.Failed();
            throw;
        }

        if (began is { } since)
        {
            done(since);
        }
    }

    private MembershipDocument Parse(StoredObject stored)
    {
        try
        {
            var document = CanonicalJson.Deserialize<MembershipDocument>(stored.Content.Span, Name);
            if (document.Format != MembershipDocument.CurrentFormat)
            {
                throw new InvalidDataException(
                    $"It has format {document.Format}, this version of slowrun reads {MembershipDocument.CurrentFormat}."
                );
            }

            // Parsed here, so that a damaged address is reported as such.
            foreach (var row in document.Rows)
            {
                _ = row.Entry();
            }

            return document;
        }
        catch (Exception e) when (e is InvalidDataException or FormatException or ArgumentException or OverflowException)
        {
            throw new InvalidDataException(
                $"'{Name}' in {store.Address} is no membership table: {e.Message} It lists only the silos that serve the store now, nothing of any run: "
                    + "stop every silo, delete it, and start them again.",
                e
            );
        }
    }
}
