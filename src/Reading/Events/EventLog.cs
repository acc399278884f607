using Slowrun.Core.Stages;
using Slowrun.Storage.Runs;

namespace Slowrun.Reading.Events;

/// <summary>One run's events, as far as they were listed and read.</summary>
[System.Diagnostics.CodeAnalysis.SuppressMessage(
    "Design",
    "CA1001",
    Justification = "A semaphore whose wait handle is not used holds nothing to dispose of."
)]
internal sealed class EventLog(RunEvents source)
{
    // A few pages. Events are immutable, so each is read once while a viewer follows.
    private const int MostKept = 4096;

    private readonly SemaphoreSlim turn = new(1);
    private readonly Dictionary<string, RunEvent> kept = new(StringComparer.Ordinal);

    public long LastRead { get; set; }

    /// <summary>In the order of their times.</summary>
    public IReadOnlyList<string> Names { get; private set; } = [];

    /// <summary>In the order in which they were found.</summary>
    public IReadOnlyList<string> Arrived { get; private set; } = [];

    public async Task ListAsync(CancellationToken cancellationToken)
    {
        await turn.WaitAsync(cancellationToken);
        try
        {
            var listed = await source.ListNamesAsync(cancellationToken);
            if (listed.Count != Names.Count)
            {
                var known = Names.ToHashSet(StringComparer.Ordinal);
                (Names, Arrived) = (listed, [.. Arrived, .. listed.Where(name => !known.Contains(name))]);
            }
        }
        finally
        {
            turn.Release();
        }
    }

    public async Task<IReadOnlyList<RunEvent>> ReadAsync(IReadOnlyList<string> names, CancellationToken cancellationToken)
    {
        await turn.WaitAsync(cancellationToken);
        try
        {
            var missing = names.Where(name => !kept.ContainsKey(name)).ToList();
            if (kept.Count + missing.Count > MostKept)
            {
                kept.Clear();
                missing = [.. names];
            }

            foreach (var (name, happened) in await source.ReadAsync(missing, cancellationToken))
            {
                kept[name] = happened;
            }

            return [.. names.Where(kept.ContainsKey).Select(name => kept[name])];
        }
        finally
        {
            turn.Release();
        }
    }
}
