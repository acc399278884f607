using Slowrun.Core.Stages;
using Slowrun.Reading.Runs;
using Slowrun.Storage;
using Slowrun.Storage.Runs;

namespace Slowrun.Reading.Events;

/// <summary>The events of the runs that viewers follow. All names are listed; an event is read when a viewer asks for it, once.</summary>
public sealed class EventLogs(IObjectStore store, TimeProvider time)
{
    private const int MostRuns = 32;
    private static readonly TimeSpan Fresh = TimeSpan.FromMilliseconds(900);

    private readonly SharedReads<EventLog> reads = new(time, Fresh);
    private readonly Dictionary<string, EventLog> logs = new(StringComparer.Ordinal);

    public async Task<EventPage> ReadAsync(string run, EventsQuery query, CancellationToken cancellationToken)
    {
        var log = await FreshAsync(run, cancellationToken);
        var names = log.Names;
        var (first, count) = query.Of(names.Count);
        return new EventPage(names.Count, first, await log.ReadAsync([.. names.Skip(first).Take(count)], cancellationToken));
    }

    /// <summary>The events added since <paramref name="seen"/> of them were there, in order of arrival: an event of a silo whose clock is
    /// behind counts as new.</summary>
    /// <param name="seen">How many there were; null: only return how many there are.</param>
    public async Task<(int Seen, IReadOnlyList<RunEvent> Events)> ReadSinceAsync(string run, int? seen, CancellationToken cancellationToken)
    {
        var log = await FreshAsync(run, cancellationToken);
        var arrived = log.Arrived;
        var from = Math.Min(seen ?? arrived.Count, arrived.Count);
        var added = arrived.Skip(from).Take(EventsQuery.Most).ToList();
        return (from + added.Count, await log.ReadAsync(added, cancellationToken));
    }

    private Task<EventLog> FreshAsync(string run, CancellationToken cancellationToken) =>
        reads.GetAsync(
            run,
            async token =>
            {
                var log = LogOf(run);
                await log.ListAsync(token);
                return log;
            },
            cancellationToken
        );

    private EventLog LogOf(string run)
    {
        lock (logs)
        {
            if (!logs.TryGetValue(run, out var log))
            {
                if (logs.Count >= MostRuns)
                {
                    logs.Remove(logs.MinBy(pair => pair.Value.LastRead).Key);
                }

                logs[run] = log = new EventLog(new RunEvents(store, run));
            }

            log.LastRead = time.GetTimestamp();
            return log;
        }
    }
}
