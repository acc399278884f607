using Slowrun.Core.Status;
using Slowrun.Grains.Interfaces;
using Slowrun.Web.Reading;

namespace Slowrun.Silo.Page;

/// <summary>The run grains' answers, from within the cluster.</summary>
internal sealed class GrainLiveRuns(IGrainFactory grains) : ILiveRuns
{
    // A grain answers in milliseconds; beyond this the store's answer is better than none.
    private static readonly TimeSpan Deadline = TimeSpan.FromSeconds(0.4);

    public async Task<RunStatus?> TryStatusAsync(string run, CancellationToken cancellationToken)
    {
        try
        {
            return await grains.GetGrain<IRunGrain>(run).GetStatus().WaitAsync(Deadline, cancellationToken);
        }
        catch (Exception e) when (IsTheirs(e))
        {
            return null;
        }
    }

    public async Task PokeAsync(string run, CancellationToken cancellationToken)
    {
        try
        {
            await grains.GetGrain<IRunGrain>(run).Poke().WaitAsync(Deadline, cancellationToken);
        }
        catch (Exception e) when (IsTheirs(e))
        {
            // Best effort.
        }
    }

    /// <summary>A damaged document is told by whoever reads the store beside.</summary>
    private static bool IsTheirs(Exception e) => e is OrleansException or TimeoutException or IOException or InvalidDataException;
}
