using Slowrun.Core;
using Slowrun.Core.Plan;
using Slowrun.Reading.Runs;
using Slowrun.Storage;
using Slowrun.Storage.Runs;

namespace Slowrun.Fleet.Chaos.Leftovers;

/// <summary>
/// What interrupted chaos left in a store: told to the user with the command that removes it, and cancelled, for the silos of the next one
/// would train it.
/// </summary>
internal sealed class ChaosLeftovers(IObjectStore store, TimeProvider time, ChaosMarks marks, Action<string> tell)
{
    private static readonly TimeSpan Look = TimeSpan.FromSeconds(2);

    // What a store that answers needs for a dozen documents.
    private static readonly TimeSpan LastWrites = TimeSpan.FromSeconds(15);

    private readonly RunReader reader = new(store, time);

    /// <summary>Tells what is there before this chaos makes its runs.</summary>
    /// <exception cref="NotPossibleException">Another chaos is under way on the store.</exception>
    public async Task LookAsync(HeldMark own, CancellationToken stop)
    {
        foreach (var gone in await GoneAsync(own, stop))
        {
            if (!gone.LeftSomething)
            {
                await marks.ForgetAsync(gone, stop);
                continue;
            }

            await CancelAsync(gone.Runs, stop);
            tell(
                $"A chaos ({gone.Who}) was interrupted and left {Listed(gone.Runs, gone.CacheFolder)}. '{marks.Command}' removes what is left."
            );
        }
    }

    /// <summary>Tells what this chaos leaves, since it ends before its comparison; nothing of it is under way any more.</summary>
    /// <param name="interrupted">By its user; else it failed, and its runs stay as they are, to be looked at.</param>
    public async Task LeaveAsync(HeldMark own, bool interrupted)
    {
        using var limit = new CancellationTokenSource(LastWrites, time);
        try
        {
            var runs = await marks.RunsAsync(own.Mark, DateTimeOffset.MaxValue, limit.Token);
            if (runs.Count == 0)
            {
                await own.DeleteAsync();
                return;
            }

            if (interrupted)
            {
                await CancelAsync(runs, limit.Token);
            }

            tell($"'{store.Address}' keeps {Listed(runs, null)} of this chaos. '{marks.Command}' removes what is left.");
        }
        catch (Exception e) when (e is IOException or OperationCanceledException)
        {
            tell(
                $"What this chaos leaves in '{store.Address}' could not be looked up: {e.Message} '{marks.Command}' removes what is left."
            );
        }
    }

    /// <summary>Those that were interrupted. One of another machine that has just given a sign is waited for: it lives if another one
    /// follows.</summary>
    private async Task<IReadOnlyList<SeenChaos>> GoneAsync(HeldMark own, CancellationToken stop)
    {
        Dictionary<string, DateTimeOffset>? first = null;
        while (true)
        {
            var others = await marks.OthersAsync(own, stop);
            var living = others.Where(one => one.UnderWay).ToList();
            if (living.Count == 0)
            {
                return others;
            }

            if (
                living.Find(one => one.Mark.Process.IsOfThisMachine || first?.GetValueOrDefault(one.Name, one.LastSign) < one.LastSign) is
                { } other
            )
            {
                throw new NotPossibleException(
                    $"'{store.Address}' is used by another chaos ({other.Who}). Wait for its end, or give this one a --store of its own."
                );
            }

            if (first is null)
            {
                first = living.ToDictionary(one => one.Name, one => one.LastSign);
                tell($"Another chaos ({living[0].Who}) used '{store.Address}' a moment ago: waiting whether it is gone…");
            }

            await Task.Delay(Look, time, stop);
        }
    }

    private async Task CancelAsync(IReadOnlyList<string> runs, CancellationToken stop)
    {
        foreach (var run in runs)
        {
            try
            {
                if (await reader.TryFactsAsync(run, stop) is { } facts && !Readiness.IsOver(Readiness.StateOf(facts)))
                {
                    await new RunRemoval(store, run).CancelAsync(stop);
                }
            }
            catch (InvalidDataException)
            {
                // No silo can train it either.
            }
        }
    }

    private static string Listed(IReadOnlyList<string> runs, string? cacheFolder) =>
        string.Join(
            " and ",
            new[]
            {
                runs.Count == 0 ? null : $"the run{(runs.Count == 1 ? "" : "s")} {string.Join(", ", runs)}",
                cacheFolder is null ? null : $"the folder '{cacheFolder}'",
            }.OfType<string>()
        );
}
