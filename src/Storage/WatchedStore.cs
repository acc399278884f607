using System.Collections.Concurrent;
using Slowrun.Core.Stages;

namespace Slowrun.Storage;

/// <summary>Passes every operation on to another store, and remembers its failures and delays. Safe to use from any thread.</summary>
public sealed class WatchedStore(IObjectStore inner, TimeProvider time) : IObjectStore
{
    // A document takes milliseconds in a directory and some tenths of a second in a cloud; an operation that takes this long makes silos
    // and users wait.
    private static readonly TimeSpan Slow = TimeSpan.FromSeconds(5);

    // What is big takes minutes on a healthy store.
    private static readonly TimeSpan SlowUpload = TimeSpan.FromMinutes(15);

    // Without this time, one object that fails among many that do not would be forgotten at once. (No two uploads have the same name.)
    private static readonly TimeSpan Remembered = TimeSpan.FromMinutes(1);

    private readonly Lock gate = new();
    private readonly Dictionary<StoreWork, StoreTrouble> failed = [];
    private readonly Dictionary<StoreWork, StoreTrouble> slow = [];
    private readonly ConcurrentDictionary<Begun, bool> underWay = new();

    public string Address => inner.Address;

    public IObjectStore Innermost => inner.Innermost;

    public ILocalFiles? LocalFiles => inner.LocalFiles;

    public bool IsRemote => inner.IsRemote;

    /// <summary>The present failures and delays, at most one of each per kind of work; empty: none.</summary>
    public IReadOnlyList<StoreTrouble> Troubles
    {
        get
        {
            var now = time.GetUtcNow();
            lock (gate)
            {
                var hanging = underWay
                    .Keys.Where(begun => time.GetElapsedTime(begun.Timestamp) >= LimitOf(begun.Work))
                    .GroupBy(begun => begun.Work)
                    .Select(group => (Oldest: group.MinBy(begun => begun.Timestamp)!, Count: group.Count()))
                    .ToDictionary(group => group.Oldest.Work, group => SlowTrouble(group.Oldest, now, group.Count, ended: false));
                return [.. failed.Values, .. hanging.Values, .. slow.Values.Where(trouble => !hanging.ContainsKey(trouble.Work))];
            }
        }
    }

    public Task<StoredObject?> TryReadAsync(string name, CancellationToken cancellationToken = default) =>
        AroundAsync(StoreWork.Read, name, () => inner.TryReadAsync(name, cancellationToken));

    public Task<string?> TryReadETagAsync(string name, CancellationToken cancellationToken = default) =>
        AroundAsync(StoreWork.Read, name, () => inner.TryReadETagAsync(name, cancellationToken));

    public Task<Stream?> TryOpenAsync(string name, long offset = 0, long? length = null, CancellationToken cancellationToken = default) =>
        AroundAsync(StoreWork.Read, name, () => inner.TryOpenAsync(name, offset, length, cancellationToken));

    public Task<string?> TryCreateAsync(string name, ReadOnlyMemory<byte> content, CancellationToken cancellationToken = default) =>
        AroundAsync(StoreWork.Write, name, () => inner.TryCreateAsync(name, content, cancellationToken));

    public Task<bool> TryCreateAsync(string name, Stream content, CancellationToken cancellationToken = default) =>
        AroundAsync(StoreWork.Upload, name, () => inner.TryCreateAsync(name, content, cancellationToken));

    public Task<string?> TryReplaceAsync(
        string name,
        ReadOnlyMemory<byte> content,
        string etag,
        CancellationToken cancellationToken = default
    ) => AroundAsync(StoreWork.Write, name, () => inner.TryReplaceAsync(name, content, etag, cancellationToken));

    public Task WriteAsync(string name, ReadOnlyMemory<byte> content, CancellationToken cancellationToken = default) =>
        AroundAsync(
            StoreWork.Write,
            name,
            async () =>
            {
                await inner.WriteAsync(name, content, cancellationToken).ConfigureAwait(false);
                return true;
            }
        );

    public Task<bool> TryDeleteAsync(string name, string? etag = null, CancellationToken cancellationToken = default) =>
        AroundAsync(StoreWork.Delete, name, () => inner.TryDeleteAsync(name, etag, cancellationToken));

    public IAsyncEnumerable<ObjectEntry> ListAsync(string prefix, CancellationToken cancellationToken = default) =>
        AroundAsync(prefix, inner.ListAsync(prefix, cancellationToken), cancellationToken);

    public IAsyncEnumerable<string> ListNamesAsync(string prefix, CancellationToken cancellationToken = default) =>
        AroundAsync(prefix, inner.ListNamesAsync(prefix, cancellationToken), cancellationToken);

    public IAsyncEnumerable<string> ListFoldersAsync(string prefix, CancellationToken cancellationToken = default) =>
        AroundAsync(prefix, inner.ListFoldersAsync(prefix, cancellationToken), cancellationToken);

    private async Task<T> AroundAsync<T>(StoreWork work, string name, Func<Task<T>> run)
    {
        var begun = new Begun(work, name, time.GetTimestamp(), time.GetUtcNow());
        underWay[begun] = true;
        try
        {
            var result = await run().ConfigureAwait(false);
            Succeeded(begun);
            return result;
        }
        catch (Exception e) when (IsTheStores(e))
        {
            Failed(begun, e);
            throw;
        }
        finally
        {
            underWay.TryRemove(begun, out _);
        }
    }

    private async IAsyncEnumerable<T> AroundAsync<T>(
        string prefix,
        IAsyncEnumerable<T> list,
        [System.Runtime.CompilerServices.EnumeratorCancellation] CancellationToken cancellationToken
    )
    {
        var items = list.GetAsyncEnumerator(cancellationToken);
        await using (items.ConfigureAwait(false))
        {
            // The time between two items is the caller's.
            while (await AroundAsync(StoreWork.List, prefix, () => items.MoveNextAsync().AsTask()).ConfigureAwait(false))
            {
                yield return items.Current;
            }
        }
    }

    private void Succeeded(Begun begun)
    {
        var now = time.GetUtcNow();
        lock (gate)
        {
            if (
                failed.TryGetValue(begun.Work, out var trouble)
                && (begun.Work == StoreWork.Upload || trouble.ObjectName == begun.ObjectName || now - trouble.At >= Remembered)
            )
            {
                failed.Remove(begun.Work);
            }

            if (time.GetElapsedTime(begun.Timestamp) >= LimitOf(begun.Work))
            {
                slow[begun.Work] = SlowTrouble(begun, now, slow.GetValueOrDefault(begun.Work)?.Times + 1 ?? 1, ended: true);
            }
            else if (slow.TryGetValue(begun.Work, out var delay) && now - delay.At >= Remembered)
            {
                slow.Remove(begun.Work);
            }
        }
    }

    private void Failed(Begun begun, Exception e)
    {
        StoreMeter.Errors.Add(1, KeyValuePair.Create<string, object?>("work", begun.Work.ToString().ToLowerInvariant()));
        var now = time.GetUtcNow();
        lock (gate)
        {
            var before = failed.GetValueOrDefault(begun.Work);
            failed[begun.Work] = new StoreTrouble(
                begun.Work,
                begun.ObjectName,
                e.Message.Split('\n', 2)[0].Trim(),
                before?.Since ?? now,
                now,
                (before?.Times ?? 0) + 1
            );
        }
    }

    private StoreTrouble SlowTrouble(Begun begun, DateTimeOffset now, int times, bool ended)
    {
        var took = time.GetElapsedTime(begun.Timestamp);
        return new StoreTrouble(
            begun.Work,
            begun.ObjectName,
            FormattableString.Invariant(
                ended ? (FormattableString)$"It took {took.TotalSeconds:F0} s." : $"It has been under way for {took.TotalSeconds:F0} s."
            ),
            slow.GetValueOrDefault(begun.Work)?.Since ?? begun.At,
            now,
            times
        )
        {
            IsSlow = true,
        };
    }

    private static TimeSpan LimitOf(StoreWork work) => work == StoreWork.Upload ? SlowUpload : Slow;

    /// <summary>Whether the store failed; not where the caller cancelled or passed a wrong argument, nor where an object is
    /// damaged.</summary>
    private static bool IsTheStores(Exception e) =>
        e is not (OperationCanceledException or ArgumentException or InvalidDataException or ObjectDisposedException);

    // By reference: the same read may be under way twice.
    private sealed class Begun(StoreWork work, string name, long timestamp, DateTimeOffset at)
    {
        public StoreWork Work => work;

        public string ObjectName => name;

        public long Timestamp => timestamp;

        public DateTimeOffset At => at;
    }
}
