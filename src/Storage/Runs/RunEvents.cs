using System.Globalization;
using System.Runtime.CompilerServices;
using System.Security.Cryptography;
using Slowrun.Core.Stages;

namespace Slowrun.Storage.Runs;

/// <summary>A run's events: one small object each, so that any number of silos append without conflicts.</summary>
public sealed class RunEvents(IObjectStore store, string run)
{
    private const int ReadAtOnce = 16;

    // Milliseconds since 1970, until the year 2286.
    private const int TimeDigits = 13;

    public async Task AppendAsync(RunEvent happened, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(happened);
        string? name;
        do
        {
            name = string.Create(
                CultureInfo.InvariantCulture,
                $"{Prefix(happened.At)}-{RandomNumberGenerator.GetHexString(8, lowercase: true)}.json"
            );
        } while (!await store.TryCreateJsonAsync(name, happened, cancellationToken).ConfigureAwait(false));
    }

    /// <summary>Appends what has just happened, dated by the store's clock: this machine's may be wrong, and the event would stand among
    /// others of another time.</summary>
    public async Task AppendNowAsync(
        TimeProvider time,
        string kind,
        string? stage,
        string message,
        CancellationToken cancellationToken = default
    )
    {
        var clock = await StoreClock.OfAsync(store, time, cancellationToken).ConfigureAwait(false);
        await AppendAsync(new RunEvent(clock.GetUtcNow(), kind, stage, message), cancellationToken).ConfigureAwait(false);
    }

    /// <summary>Events in the order of their times; one that cannot be read is an event that says so.</summary>
    /// <param name="seen">Names of events to leave out; those given are added. Null: all are given.</param>
    /// <param name="since">Older ones are not read; null: all are.</param>
    /// <param name="newest">Of those, only so many, the newest; null: all.</param>
    public async IAsyncEnumerable<RunEvent> ListAsync(
        ISet<string>? seen = null,
        DateTimeOffset? since = null,
        int? newest = null,
        [EnumeratorCancellation] CancellationToken cancellationToken = default
    )
    {
        var names = await NamesAsync(seen, since, cancellationToken).ConfigureAwait(false);
        foreach (var chunk in (newest is { } most ? names.TakeLast(most) : names).Chunk(ReadAtOnce))
        {
            foreach (var (_, happened) in await ReadAsync(chunk, cancellationToken).ConfigureAwait(false))
            {
                yield return happened;
            }
        }
    }

    /// <summary>The newest events of a kind, in the order of their times: read from the end, and no further than needed.</summary>
    /// <param name="count">How many.</param>
    /// <param name="lets">Which ones count.</param>
    /// <param name="seen">As for <see cref="ListAsync"/>; events that were not read count as seen.</param>
    public async Task<IReadOnlyList<RunEvent>> ListNewestAsync(
        int count,
        Func<RunEvent, bool> lets,
        ISet<string>? seen = null,
        DateTimeOffset? since = null,
        CancellationToken cancellationToken = default
    )
    {
        ArgumentNullException.ThrowIfNull(lets);
        var names = await NamesAsync(seen, since, cancellationToken).ConfigureAwait(false);
        var found = new List<RunEvent>();
        for (var end = names.Count; end > 0 && found.Count < count; end -= ReadAtOnce)
        {
            var chunk = names[Math.Max(0, end - ReadAtOnce)..end];
            found.AddRange(
                (await ReadAsync(chunk, cancellationToken).ConfigureAwait(false)).Select(pair => pair.Event).Where(lets).Reverse()
            );
        }

        return [.. found.Take(count).Reverse()];
    }

    /// <summary>Names of all events, in the order of their times.</summary>
    public async Task<IReadOnlyList<string>> ListNamesAsync(CancellationToken cancellationToken = default) =>
        await NamesAsync(seen: null, since: null, cancellationToken).ConfigureAwait(false);

    /// <summary>Reads events by their names; one that is gone is left out.</summary>
    public async Task<IReadOnlyList<(string Name, RunEvent Event)>> ReadAsync(
        IReadOnlyList<string> names,
        CancellationToken cancellationToken = default
    )
    {
        var read = new List<(string, RunEvent)>(names.Count);
        foreach (var chunk in names.Chunk(ReadAtOnce))
        {
            var found = await Task.WhenAll(chunk.Select(name => ReadAsync(name, cancellationToken))).ConfigureAwait(false);
            read.AddRange(chunk.Zip(found).Where(pair => pair.Second is not null).Select(pair => (pair.First, pair.Second!)));
        }

        return read;
    }

    private async Task<List<string>> NamesAsync(ISet<string>? seen, DateTimeOffset? since, CancellationToken cancellationToken)
    {
        var names = new List<string>();
        await foreach (var name in store.ListNamesAsync(RunPaths.Events(run), cancellationToken).ConfigureAwait(false))
        {
            if (seen?.Add(name) != false && !(TimeOf(name) < since))
            {
                names.Add(name);
            }
        }

        return names;
    }

    private async Task<RunEvent?> ReadAsync(string name, CancellationToken cancellationToken)
    {
        try
        {
            return await store.TryReadJsonAsync<RunEvent>(name, cancellationToken).ConfigureAwait(false);
        }
        catch (InvalidDataException e)
        {
            // A damaged event must not hide the others.
            return new RunEvent(TimeOf(name), EventKind.EventDamaged, null, e.Message);
        }
    }

    private string Prefix(DateTimeOffset at) =>
        RunPaths.Events(run) + at.ToUnixTimeMilliseconds().ToString($"D{TimeDigits}", CultureInfo.InvariantCulture);

    private DateTimeOffset TimeOf(string name)
    {
        var time = name.AsSpan(RunPaths.Events(run).Length);
        return long.TryParse(
            time[..Math.Min(time.Length, TimeDigits)],
            NumberStyles.None,
            CultureInfo.InvariantCulture,
            out var milliseconds
        )
            ? DateTimeOffset.FromUnixTimeMilliseconds(milliseconds)
            : DateTimeOffset.UnixEpoch;
    }
}
