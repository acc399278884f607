using System.Globalization;
using Slowrun.Clustering.Membership;
using Slowrun.Core;
using Slowrun.Core.Stages;
using Slowrun.Reading.Runs;
using Slowrun.Storage.Runs;

namespace Slowrun.Fleet.Silos;

/// <summary>
/// Ensures that a run is served: by silos that serve the store already, else by processes that it starts, and starts again when they die.
/// Silos that die repeatedly without progress end the command.
/// </summary>
/// <param name="wanted">The arguments of each silo to start.</param>
public sealed class LocalSilos(
    RunReader reader,
    string run,
    SiloProgram program,
    IReadOnlyList<IReadOnlyList<string>> wanted,
    TimeProvider time,
    Action<string> tell
) : IAsyncDisposable
{
    private static readonly TimeSpan Check = TimeSpan.FromMilliseconds(250);
    private static readonly Backoff Delays = new(TimeSpan.FromMilliseconds(250), TimeSpan.FromSeconds(5));

    // With delays of 0, 0.25, 0.5, 1 and 2 s: long enough for a short outage of the store, short enough for a user to wait for the message.
    private const int MostDeathsWithoutProgress = 6;

    private readonly LocalSilo?[] silos = new LocalSilo?[wanted.Count];
    private int deaths;
    private long progressAtDeath = -1;
    private bool servedByOthers;

    // Held while this process starts silos: other clients wait for them.
    private StartClaim? claim;
    private bool toldOfOther;

    /// <summary>What the silos have committed so far; null: of the run alone.</summary>
    public Func<CancellationToken, Task<long>>? Committed { get; init; }

    /// <summary>Whether silos were started and none of them serves yet; or another client of this machine is starting some.</summary>
    public bool Starting { get; private set; }

    /// <summary>Runs until <paramref name="stop"/>; the silos are then still alive, for <see cref="DisposeAsync"/> to stop.</summary>
    /// <exception cref="NotPossibleException">Silos die repeatedly without progress.</exception>
    public async Task SuperviseAsync(CancellationToken stop)
    {
        while (true)
        {
            try
            {
                await SeeToItAsync(stop);
            }
            catch (IOException e)
            {
                // An outage of the store must not end a run of weeks: silos go on, and the rest is tried again.
                tell($"The store does not answer, which is tried again: {e.Message}");
            }

            await Task.Delay(Check, time, stop);
        }
    }

    private async Task SeeToItAsync(CancellationToken stop)
    {
        if (silos.All(silo => silo is null))
        {
            await StartUnlessServedAsync(stop);
        }
        else if (Starting)
        {
            Starting = !await IsServedAsync(stop);
        }

        for (var i = 0; i < silos.Length; i++)
        {
            if (silos[i] is { HasExited: true } dead && !stop.IsCancellationRequested)
            {
                await RestartAsync(i, dead, stop);
            }
        }
    }

    /// <summary>Lets the started silos commit and stop, and waits for them.</summary>
    public async ValueTask DisposeAsync()
    {
        // Another client need not wait for these silos' last commits.
        claim?.Dispose();
        var ours = silos.OfType<LocalSilo>().ToList();
        ours.ForEach(silo => silo.BeginStop());
        foreach (var silo in ours)
        {
            var exit = silo.WaitForExitAsync(CancellationToken.None);
            if (await Task.WhenAny(exit, Task.Delay(TimeSpan.FromSeconds(2), time)) != exit)
            {
                tell(string.Create(CultureInfo.InvariantCulture, $"Waiting for silo process {silo.ProcessId} to commit and stop…"));
            }

            await exit;
            silo.Dispose();
        }
    }

    private async Task StartUnlessServedAsync(CancellationToken stop)
    {
        // A silo that is leaving, or about to, does not count: it has a row, but takes no new work.
        var serving = await ServingAsync(stop);
        if (serving.Count > 0)
        {
            Starting = false;
            if (!servedByOthers)
            {
                tell($"Served by {string.Join(", ", serving.Select(silo => silo.Name))}, which runs already.");
            }

            servedByOthers = true;
            return;
        }

        Starting = true;
        claim ??= StartClaim.Try(reader.Store.Address);
        if (claim is null)
        {
            if (!toldOfOther)
            {
                toldOfOther = true;
                tell("Another client starts a silo on this machine; waiting for it…");
            }

            return;
        }

        // Between the look and the claim another client's silo may have come to life.
        if (await IsServedAsync(stop))
        {
            claim.Dispose();
            claim = null;
            return;
        }

        if (servedByOthers)
        {
            servedByOthers = false;
            await EventAsync(EventKind.SiloStarted, "The silo that served the store is gone; this client started one.", stop);
        }

        tell(
            silos.Length == 1
                ? "Starting a silo on this machine…"
                : string.Create(CultureInfo.InvariantCulture, $"Starting {silos.Length} silos on this machine…")
        );
        for (var i = 0; i < silos.Length; i++)
        {
            silos[i] = Start(i);
        }
    }

    private async Task<bool> IsServedAsync(CancellationToken stop) => (await ServingAsync(stop)).Count > 0;

    private async Task<IReadOnlyList<LiveSilo>> ServingAsync(CancellationToken stop) =>
        [.. (await reader.SilosAsync(stop)).Where(silo => silo.Active && !(silo.ProcessId is { } process && Orphans.IsOne(process)))];

    private LocalSilo Start(int i) => LocalSilo.Start(program, reader.Store.Address, wanted[i], time.GetUtcNow());

    private async Task RestartAsync(int i, LocalSilo dead, CancellationToken stop)
    {
        // Silos of a new run start before it is submitted.
        var progress = Committed is { } all ? await all(stop) : (await reader.TryFactsAsync(run, stop))?.Committed ?? 0;
        deaths = progress > progressAtDeath ? 1 : deaths + 1;
        progressAtDeath = progress;
        var how = dead.End;
        await new SiloEnds(reader.Store).RecordAsync(dead.ProcessId, how, stop);
        if (deaths >= MostDeathsWithoutProgress)
        {
            silos[i] = null;
            throw new NotPossibleException(
                $"The silo {how}, {deaths} times in a row without committing anything. Its log '{dead.Log}' ends with:\n{SiloLogs.Tail(dead.Log, 5)}\n"
                    + "'slowrun doctor' checks this machine."
            );
        }

        var message = string.Create(CultureInfo.InvariantCulture, $"Silo process {dead.ProcessId} {how}; another one was started.");
        tell(message);
        await EventAsync(EventKind.SiloRestarted, message, stop);
        if (deaths > 1)
        {
            await Task.Delay(Delays.After(deaths - 1), time, stop);
        }

        Starting = true;
        silos[i] = Start(i);
        dead.Dispose();
    }

    private Task EventAsync(string kind, string message, CancellationToken stop) =>
        new RunEvents(reader.Store, run).AppendNowAsync(time, kind, null, message, stop);
}
