using Slowrun.Core.Plan;
using Slowrun.Storage.Runs;

namespace Slowrun.Grains.Runs;

/// <summary>Facts of a run as this silo sees them: documents from the store, the living from Orleans' membership.</summary>
internal sealed class RunWatch(RunFactsReader reader, IClusterMembershipService membership)
{
    /// <returns>Null where there is no run of that name.</returns>
    public async Task<RunFacts?> ReadAsync(string run, CancellationToken cancellationToken = default) =>
        await reader.ReadAsync(run, AliveSilos(), cancellationToken);

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

    public IReadOnlySet<string> AliveSilos() => membership.CurrentSnapshot.Members.Values
        // One that is leaving still commits and releases its stages.
        .Where(member => member.Status is SiloStatus.Active or SiloStatus.Joining or SiloStatus.ShuttingDown or SiloStatus.Stopping)
        .Select(member => member.SiloAddress.ToParsableString())
        .ToHashSet(StringComparer.Ordinal);

    private sealed class Following(CancellationTokenSource ended) : IDisposable
    {
        public void Dispose()
        {
            ended.Cancel();
            ended.Dispose();
        }
    }
}
