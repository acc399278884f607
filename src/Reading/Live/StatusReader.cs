using Slowrun.Clustering.Membership;
using Slowrun.Core;
using Slowrun.Core.Status;
using Slowrun.Grains.Interfaces;
using Slowrun.Reading.Runs;

namespace Slowrun.Reading.Live;

/// <summary>Status from the cluster where one answers in time, else from the store. Keeps its connection while it is used.</summary>
public sealed class StatusReader(RunReader reader) : IAsyncDisposable
{
    // Connecting takes about 1 s, 2.2 s on a machine whose cores all train; beyond that the store's answer is better than none.
    private static readonly TimeSpan ConnectDeadline = TimeSpan.FromSeconds(2.5);

    private static readonly TimeSpan ReportDeadline = TimeSpan.FromSeconds(1);

    // Most trouble with a store affects every silo, so these are enough.
    private const int MostAsked = 16;

    private Task<LiveCluster?>? connecting;

    /// <summary>Waits for the connection, up to its deadline, if a silo serves the store.</summary>
    /// <exception cref="NotFoundException">There is no such run.</exception>
    public async Task<RunStatus> ReadAsync(string run, CancellationToken cancellationToken)
    {
        await TryConnectAsync(cancellationToken);
        return await ReadSoonAsync(run, cancellationToken);
    }

    /// <summary>Answers with what is available at once; connects in the background if needed.</summary>
    /// <exception cref="NotFoundException">There is no such run.</exception>
    public async Task<RunStatus> ReadSoonAsync(string run, CancellationToken cancellationToken) =>
        await TryLiveAsync(run, cancellationToken) ?? await reader.StatusAsync(run, cancellationToken);

    /// <summary>The cluster's answer, if there is one at once; connects in the background if needed.</summary>
    public async Task<RunStatus?> TryLiveAsync(string run, CancellationToken cancellationToken) =>
        await ConnectedAsync(cancellationToken) is { } cluster ? await cluster.Runs.TryStatusAsync(run, cancellationToken) : null;

    /// <summary>The silos' reports; those that do not answer in time are left out.</summary>
    /// <param name="silos">The silos that serve the store.</param>
    public async Task<IReadOnlyList<SiloReport>> ReportsAsync(IReadOnlyList<LiveSilo> silos, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(silos);
        var asked = silos.Where(silo => silo.Active).Take(MostAsked).ToList();
        return asked.Count > 0 && await TryConnectAsync(cancellationToken) is { } cluster
            ?
            [
                .. (
                    await Task.WhenAll(asked.Select(silo => cluster.Runs.TryReportAsync(silo.Silo, ReportDeadline, cancellationToken)))
                ).OfType<SiloReport>(),
            ]
            : [];
    }

    /// <summary>As <see cref="ReportsAsync"/>, with what is available at once; connects in the background if needed.</summary>
    public async Task<IReadOnlyList<SiloReport>> ReportsSoonAsync(IReadOnlyList<LiveSilo> silos, CancellationToken cancellationToken) =>
        await ConnectedAsync(cancellationToken) is { } cluster ? await cluster.Runs.ReportsAsync(silos, cancellationToken) : [];

    public async Task PokeAsync(string run, CancellationToken cancellationToken)
    {
        if (await TryConnectAsync(cancellationToken) is { } cluster)
        {
            await cluster.Runs.PokeAsync(run, cancellationToken);
        }
    }

    public async ValueTask DisposeAsync()
    {
        try
        {
            if (connecting is not null && await connecting is { } cluster)
            {
                await cluster.DisposeAsync();
            }
        }
        catch (OperationCanceledException)
        {
            // Cancelled while connecting: there is nothing to close.
        }
    }

    private async Task<LiveCluster?> TryConnectAsync(CancellationToken cancellationToken)
    {
        await ConnectedAsync(cancellationToken);
        return connecting is null ? null : await connecting;
    }

    /// <summary>The connection if it stands; begins one if a silo takes calls and none is under way.</summary>
    private async Task<LiveCluster?> ConnectedAsync(CancellationToken cancellationToken)
    {
        if (connecting is { IsCompleted: true } && await connecting is null)
        {
            connecting = null;
        }

        if (connecting is null && (await reader.SilosAsync(cancellationToken)).Any(silo => silo.Active))
        {
            connecting = Task.Run(() => LiveCluster.TryConnectAsync(reader.Store, ConnectDeadline, cancellationToken), cancellationToken);
        }

        return connecting is { IsCompletedSuccessfully: true } ? await connecting : null;
    }
}
