using Slowrun.Clustering.Membership;
using Slowrun.Core.Status;
using Slowrun.Grains.Interfaces;
using Slowrun.Reading.Live;

namespace Slowrun.Web.Tests;

/// <summary>No silo answers, unless a test says what.</summary>
internal sealed class NobodyLive : ILiveRuns
{
    private readonly TaskCompletionSource poked = new(TaskCreationOptions.RunContinuationsAsynchronously);

    public RunStatus? Answer { get; set; }

    public List<SiloReport> Reports { get; } = [];

    /// <summary>Runs whose grains were asked.</summary>
    public List<string> Asked { get; } = [];

    public List<string> Pokes { get; } = [];

    /// <summary>Ends with the first of them.</summary>
    public Task Poked => poked.Task;

    public Task<RunStatus?> TryStatusAsync(string run, CancellationToken cancellationToken)
    {
        lock (Asked)
        {
            Asked.Add(run);
        }

        return Task.FromResult(Answer?.Name == run ? Answer : null);
    }

    public Task<IReadOnlyList<SiloReport>> ReportsAsync(IReadOnlyList<LiveSilo> silos, CancellationToken cancellationToken) =>
        Task.FromResult<IReadOnlyList<SiloReport>>(Reports);

    public Task PokeAsync(string run, CancellationToken cancellationToken)
    {
        Pokes.Add(run);
        poked.TrySetResult();
        return Task.CompletedTask;
    }
}
