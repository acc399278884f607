using System.Collections.Concurrent;
using Slowrun.Core.Plan;
using Slowrun.Core.Stages;
using Slowrun.Storage;
using Slowrun.Storage.Runs;

namespace Slowrun.Grains.Runs;

/// <summary>Facts of a run as this silo reads them itself: documents from the store, the living from Orleans' membership.</summary>
internal sealed class RunWatch(
    RunFactsReader reader,
    IObjectStore store,
    IClusterMembershipService membership,
    LivingSilos living,
    TimeProvider time
)
{
    // Spec, intent and operations are read when the bell rang, and also now and then: a document may be put there by hand.
    private static readonly TimeSpan OrdersFresh = TimeSpan.FromSeconds(30);

    // Five seconds for five hundred silos, none to speak of for three.
    private static readonly TimeSpan Apart = TimeSpan.FromMilliseconds(10);
    private const int MostApart = 1000;

    private readonly ConcurrentDictionary<string, (long At, int Rings)> orders = new(StringComparer.Ordinal);
    private (bool Heard, string? Sound, int Rings) bell;

    /// <summary>The bell's etag as last read; null: never rung.</summary>
    public string? Bell => bell.Sound;

    /// <summary>Reads the bell: whether orders of any run have changed since the last call. For one caller.</summary>
    public async Task<bool> ListenAsync(CancellationToken cancellationToken)
    {
        var sound = await OrderBell.ListenAsync(store, cancellationToken);
        var rung = !bell.Heard || sound != bell.Sound;
        bell = (true, sound, bell.Rings + (rung ? 1 : 0));
        return rung;
    }

    /// <param name="isStill">Of an unfinished stage, as for a glance of <see cref="RunFactsReader"/>.</param>
    /// <returns>Null where there is no run of that name.</returns>
    public async Task<RunFacts?> ReadAsync(
        string run,
        Func<StageId, StageRoot?, TimeSpan, bool>? isStill = null,
        CancellationToken cancellationToken = default
    )
    {
        var now = (time.GetTimestamp(), bell.Rings);
        var facts = await reader.ReadAsync(run, AliveSilos(), isStill, cancellationToken);
        if (facts is null)
        {
            orders.TryRemove(run, out _);
            return null;
        }

        orders[run] = now;
        return await living.JudgedAsync(facts, cancellationToken);
    }

    /// <summary>Reads what decides about work; spec, intent and operations only if the bell rang, or after a while.</summary>
    /// <inheritdoc cref="ReadAsync"/>
    public async Task<RunFacts?> GlanceAsync(
        string run,
        Func<StageId, StageRoot?, TimeSpan, bool>? isStill = null,
        CancellationToken cancellationToken = default
    )
    {
        if (!orders.TryGetValue(run, out var last) || last.Rings != bell.Rings || time.GetElapsedTime(last.At) >= OrdersFresh)
        {
            return await ReadAsync(run, isStill, cancellationToken);
        }

        return await reader.GlanceAsync(run, AliveSilos(), isStill, cancellationToken) is { } facts
            ? await living.JudgedAsync(facts, cancellationToken)
            : null;
    }

    /// <summary>Calls <paramref name="act"/> whenever a silo has gone, until disposed: what it owned is ready. One that came looks for work
    /// itself.</summary>
    public IDisposable OnSilosGone(Action act)
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
                    var gone = !before.IsSubsetOf(alive);
                    before = alive;
                    if (gone)
                    {
                        act();
                    }
                }
            }
            catch (OperationCanceledException) { }
        }
    }

    /// <summary>How long to wait before an action that all silos are about to do: random, up to ten milliseconds for each of
    /// them.</summary>
    public TimeSpan Spread() => Spread(AliveSilos().Count);

    /// <inheritdoc cref="Spread()"/>
    /// <param name="among">How many silos are about to.</param>
    public static TimeSpan Spread(int among) => Apart * Math.Clamp(among, 0, MostApart) * Random.Shared.NextDouble();

    /// <summary>The version of the membership that this silo has seen.</summary>
    public long MembershipVersion => membership.CurrentSnapshot.Version.Value;

    /// <summary>
    /// Refreshes the membership where another silo has seen a later version. Once, whatever it finds: the versions of a table that was
    /// begun anew are lower.
    /// </summary>
    public Task SeeMembershipAsync(long version) =>
        version <= MembershipVersion ? Task.CompletedTask : membership.Refresh(default).AsTask();

    public IReadOnlySet<string> AliveSilos() => living.Now;

    /// <summary>Those of them that take work: not one that is leaving.</summary>
    public IReadOnlySet<string> ActiveSilos() => living.Active;

    /// <summary>Facts that another silo has read, with the living as this one knows them.</summary>
    public ValueTask<RunFacts> JudgedAsync(RunFacts facts, CancellationToken cancellationToken = default) =>
        living.JudgedAsync(facts, cancellationToken);

    private sealed class Following(CancellationTokenSource ended) : IDisposable
    {
        public void Dispose()
        {
            ended.Cancel();
            ended.Dispose();
        }
    }
}
