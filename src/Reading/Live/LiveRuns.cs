using System.Diagnostics.CodeAnalysis;
using Slowrun.Clustering.Membership;
using Slowrun.Core.Status;
using Slowrun.Grains.Interfaces;

namespace Slowrun.Reading.Live;

/// <summary>The cluster's answers for the page, over one connection.</summary>
/// <param name="stop">Ends the connection; a viewer's cancellation does not.</param>
[SuppressMessage("Design", "CA1001", Justification = "A semaphore whose wait handle is not used holds nothing to dispose of.")]
public sealed class LiveRuns(StatusReader statuses, CancellationToken stop) : ILiveRuns
{
    // A status reader is for one caller at a time.
    private readonly SemaphoreSlim turn = new(1);

    public Task<RunStatus?> TryStatusAsync(string run, CancellationToken cancellationToken) =>
        InTurnAsync(() => statuses.TryLiveAsync(run, stop), cancellationToken);

    public Task<IReadOnlyList<SiloReport>> ReportsAsync(IReadOnlyList<LiveSilo> silos, CancellationToken cancellationToken) =>
        InTurnAsync(() => statuses.ReportsSoonAsync(silos, stop), cancellationToken);

    public Task PokeAsync(string run, CancellationToken cancellationToken) =>
        InTurnAsync(
            async () =>
            {
                await statuses.PokeAsync(run, stop);
                return true;
            },
            cancellationToken
        );

    private async Task<T> InTurnAsync<T>(Func<Task<T>> ask, CancellationToken cancellationToken)
    {
        await turn.WaitAsync(cancellationToken);
        try
        {
            return await ask();
        }
        finally
        {
            turn.Release();
        }
    }
}
