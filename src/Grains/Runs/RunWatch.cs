using System.Collections.Concurrent;
using Slowrun.Core.Plan;
using Slowrun.Storage;
using Slowrun.Storage.Runs;

namespace Slowrun.Grains.Runs;

/// <summary>
/// Facts of a run as this silo sees them: documents from the store, the living from Orleans' membership. What one reader of this silo has read a
/// moment ago, the others need not read again.
/// </summary>
internal sealed class RunWatch(RunFactsReader reader, IObjectStore store, IClusterMembershipService membership, LivingSilos living, TimeProvider time)
{
    // People's documents are read when somebody has rung, and now and then all the same: a document may be put there by hand.
    private static readonly TimeSpan OrdersFresh = TimeSpan.FromSeconds(30);

    private readonly ConcurrentDictionary<string, Seen> seen = new(StringComparer.Ordinal);
    private (bool Heard, string? Sound, int Rings) bell;

    /// <summary>Asks whether anybody has changed what is wanted of any run since it was last asked. For one caller.</summary>
    public async Task<bool> ListenAsync(CancellationToken cancellationToken)
    {
        var sound = await OrderBell.ListenAsync(store, cancellationToken);
        var rung = !bell.Heard || sound != bell.Sound;
        bell = (true, sound, bell.Rings + (rung ? 1 : 0));
        return rung;
    }

    /// <returns>Null where there is no run of that name.</returns>
    public async Task<RunFacts?> ReadAsync(string run, CancellationToken cancellationToken = default)
    {
        var (from, rings) = (time.GetTimestamp(), bell.Rings);
        return await RememberedAsync(run, await reader.ReadAsync(run, AliveSilos(), cancellationToken), from, (from, rings), cancellationToken);
    }

    /// <summary>What decides about work: what people wrote is read again only if somebody rang, or after a while.</summary>
    public async Task<RunFacts?> GlanceAsync(string run, CancellationToken cancellationToken = default)
    {
        if (!seen.TryGetValue(run, out var last) || last.Orders.Rings != bell.Rings || time.GetElapsedTime(last.Orders.At) >= OrdersFresh)
        {
            return await ReadAsync(run, cancellationToken);
        }

        var from = time.GetTimestamp();
        return await RememberedAsync(run, await reader.GlanceAsync(run, AliveSilos(), cancellationToken), from, last.Orders, cancellationToken);
    }

    /// <summary>What this silo last read, if that is not older than <paramref name="oldest"/>; else it is read.</summary>
    /// <returns>The facts, and the timestamp of their reading.</returns>
    public async Task<(RunFacts? Facts, long At)> RecentAsync(string run, TimeSpan oldest, CancellationToken cancellationToken = default)
    {
        if (seen.TryGetValue(run, out var last) && time.GetElapsedTime(last.At) < oldest)
        {
            return (last.Facts with { AliveSilos = AliveSilos() }, last.At);
        }

        var from = time.GetTimestamp();
        return (await ReadAsync(run, cancellationToken), from);
    }

    /// <summary>What this silo last read of a run, and the timestamp of that reading; null: it has read nothing of it.</summary>
    public (RunFacts Facts, long At)? Newest(string run) => seen.TryGetValue(run, out var last) ? (last.Facts, last.At) : null;

    private async Task<RunFacts?> RememberedAsync(string run, RunFacts? facts, long at, (long At, int Rings) orders, CancellationToken cancellationToken)
    {
        if (facts is null)
        {
            seen.TryRemove(run, out _);
        }
        else
        {
            facts = await living.JudgedAsync(facts, cancellationToken);
            seen[run] = new Seen(facts, at, orders);
        }

        return facts;
    }

    private sealed record Seen(RunFacts Facts, long At, (long At, int Rings) Orders);

    /// <summary>Calls <paramref name="act"/> whenever a silo came or went, until disposed.</summary>
    public IDisposable OnSilosChanged(Action act)
    {
        var ended = new CancellationTokenSource();
        _ = FollowAsync(ended.Token);
        return new Following(ended);

        async Task FollowAsync(CancellationToken until)
        {
            try
            {
                var before = AliveSilos();
                await foreach (var _ in membership.MembershipUpdates.WithCancellation(until))
                {
                    // Heartbeats are updates too.
                    var alive = AliveSilos();
                    if (!alive.SetEquals(before))
                    {
                        before = alive;
                        act();
                    }
                }
            }
            catch (OperationCanceledException)
            {
            }
        }
    }

    public IReadOnlySet<string> AliveSilos() => living.Now;

    private sealed class Following(CancellationTokenSource ended) : IDisposable
    {
        public void Dispose()
        {
            ended.Cancel();
            ended.Dispose();
        }
    }
}
