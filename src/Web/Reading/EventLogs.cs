using Slowrun.Core.Stages;
using Slowrun.Storage;
using Slowrun.Storage.Runs;

namespace Slowrun.Web.Reading;

/// <summary>The events of the runs that are being looked at: each is read from the store once.</summary>
internal sealed class EventLogs(IObjectStore store, TimeProvider time)
{
    private const int MostRuns = 32;
    private static readonly TimeSpan Fresh = TimeSpan.FromMilliseconds(900);

    private readonly SharedReads<IReadOnlyList<RunEvent>> reads = new(time, Fresh);
    private readonly Dictionary<string, Log> logs = new(StringComparer.Ordinal);

    /// <summary>All events of a run, in the order of their times.</summary>
    public Task<IReadOnlyList<RunEvent>> ReadAsync(string run, CancellationToken cancellationToken) =>
        reads.GetAsync(run, token => LogOf(run).ReadAsync(new RunEvents(store, run), token), cancellationToken);

    private Log LogOf(string run)
    {
        lock (logs)
        {
            if (!logs.TryGetValue(run, out var log))
            {
                if (logs.Count >= MostRuns)
                {
                    logs.Remove(logs.MinBy(pair => pair.Value.LastRead).Key);
                }

                logs[run] = log = new Log();
            }

            log.LastRead = time.GetTimestamp();
            return log;
        }
    }

    [System.Diagnostics.CodeAnalysis.SuppressMessage("Design", "CA1001", Justification = "A semaphore whose handle nobody asks for holds nothing to dispose of.")]
    private sealed class Log
    {
        private readonly SemaphoreSlim turn = new(1);
        private readonly HashSet<string> seen = new(StringComparer.Ordinal);
        private IReadOnlyList<RunEvent> events = [];

        public long LastRead { get; set; }

        public async Task<IReadOnlyList<RunEvent>> ReadAsync(RunEvents source, CancellationToken cancellationToken)
        {
            await turn.WaitAsync(cancellationToken);
            try
            {
                var known = new HashSet<string>(seen, StringComparer.Ordinal);
                var added = await source.ListAsync(known, cancellationToken: cancellationToken).ToListAsync(cancellationToken);
                if (added.Count > 0)
                {
                    // A silo whose clock is behind adds to the middle.
                    events = [.. events.Concat(added).OrderBy(happened => happened.At)];
                }

                // Only now: where reading broke off, the rest is read the next time.
                seen.UnionWith(known);
                return events;
            }
            finally
            {
                turn.Release();
            }
        }
    }
}
