using Orleans.Runtime.Placement;
using Slowrun.Clustering.Membership;
using Slowrun.Core.Status;
using Slowrun.Grains.Interfaces;

namespace Slowrun.Reading.Live;

/// <summary>The run grains' answers, from within the cluster or over a client's connection.</summary>
public sealed class GrainLiveRuns(IGrainFactory grains) : ILiveRuns
{
    // A whole cluster answers in some milliseconds, with all cores training. A caller gets an answer within a second, from the store if
    // necessary, also while silos die.
    private static readonly TimeSpan AnswerDeadline = TimeSpan.FromSeconds(0.4);
    private static readonly TimeSpan PokeDeadline = TimeSpan.FromSeconds(1);

    // A call each, a millisecond of the silo's time; a page with more silos is read by no one.
    private const int MostReports = 64;

    public async Task<RunStatus?> TryStatusAsync(string run, CancellationToken cancellationToken)
    {
        try
        {
            return await grains.GetGrain<IRunGrain>(run).GetStatus().WaitAsync(AnswerDeadline, cancellationToken);
        }
        catch (Exception e) when (IsTheirs(e, cancellationToken))
        {
            return null;
        }
    }

    /// <summary>Reports that a document has changed. Slot loops would see it within a second anyway.</summary>
    public async Task PokeAsync(string run, CancellationToken cancellationToken)
    {
        try
        {
            await grains.GetGrain<IRunGrain>(run).Poke().WaitAsync(PokeDeadline, cancellationToken);
        }
        catch (Exception e) when (IsTheirs(e, cancellationToken))
        {
            // Best effort.
        }
    }

    public async Task<IReadOnlyList<SiloReport>> ReportsAsync(IReadOnlyList<LiveSilo> silos, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(silos);
        return
        [
            .. (
                await Task.WhenAll(
                    silos
                        .Where(silo => silo.Active)
                        .Take(MostReports)
                        .Select(silo => TryReportAsync(silo.Silo, AnswerDeadline, cancellationToken))
                )
            ).OfType<SiloReport>(),
        ];
    }

    /// <summary>A silo's report about itself.</summary>
    /// <param name="silo">Its address as <c>SiloAddress.ToParsableString</c> writes it.</param>
    /// <returns>Null where it has not answered before the deadline.</returns>
    public async Task<SiloReport?> TryReportAsync(string silo, TimeSpan deadline, CancellationToken cancellationToken)
    {
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        limit.CancelAfter(deadline);
        try
        {
            while (true)
            {
                RequestContext.Set(IPlacementDirector.PlacementHintKey, SiloAddress.FromParsableString(silo));
                if (await grains.GetGrain<ISiloGrain>(silo).Report().WaitAsync(limit.Token) is { } report)
                {
                    return report;
                }

                // The grain was activated on another silo, and moves from there.
                await Task.Delay(TimeSpan.FromMilliseconds(50), limit.Token);
            }
        }
        catch (Exception e) when (IsTheirs(e, cancellationToken))
        {
            return null;
        }
    }

    /// <summary>A damaged document is reported by the reader of the store instead.</summary>
    private static bool IsTheirs(Exception e, CancellationToken ours) =>
        !ours.IsCancellationRequested
        && e
            is OrleansException
                or TimeoutException
                or OperationCanceledException
                or IOException
                or InvalidDataException
                or InvalidOperationException;
}
