using Slowrun.Client.Cli;
using Slowrun.Core;
using Slowrun.Fleet.Chaos.Leftovers;
using Slowrun.Reading.Runs;
using Slowrun.Storage;

namespace Slowrun.Client.Commands;

/// <summary><c>chaos --clean</c>: removes what interrupted chaos left; nothing of one that is under way, and no run of another
/// origin.</summary>
/// <param name="tell">Told of what is done, and why it takes time.</param>
internal sealed class ChaosCleaning(ClientContext context, IObjectStore store, Action<string> tell)
{
    private static readonly TimeSpan Look = TimeSpan.FromSeconds(1);

    // Silos that were killed count as alive for 20 s, and those that live release a cancelled run within seconds.
    private static readonly TimeSpan LongestWait = TimeSpan.FromMinutes(2);

    private bool incomplete;
    private bool told;

    /// <returns>What was removed, and whether nothing of interrupted chaos is left.</returns>
    public async Task<(Cleaned Cleaned, bool Complete)> RunAsync(CancellationToken stop)
    {
        var marks = new ChaosMarks(
            store,
            context.Time,
            problem =>
            {
                incomplete = true;
                context.Error.WriteLine($"slowrun: {problem}");
            }
        );
        // Makes a chaos that begins now wait, and tells the time by the store's clock.
        var own = await marks.BeginAsync([], null, stop);
        var (runs, folders, underWay) = (new List<string>(), new List<string>(), new List<SeenChaos>());
        try
        {
            foreach (var seen in await marks.OthersAsync(own, stop))
            {
                if (seen.UnderWay)
                {
                    // Another cleaning has no runs.
                    underWay.AddRange(seen.Mark.Runs.Count > 0 ? [seen] : []);
                    continue;
                }

                if (!await DeleteAsync(seen.Runs, runs, stop))
                {
                    incomplete = true;
                    continue;
                }

                if (seen.CacheFolder is { } folder)
                {
                    folders.Add(folder);
                }
                else if (seen.Mark is { CacheFolder: { } elsewhere, Process.IsOfThisMachine: false })
                {
                    tell($"If '{elsewhere}' of '{seen.Mark.Host}' still exists, delete it there.");
                }

                await marks.ForgetAsync(seen, stop);
            }
        }
        finally
        {
            await own.DeleteAsync();
        }

        return (new Cleaned(runs, folders, [.. underWay.Select(one => new ChaosUnderWay(one.Who, one.Runs))]), !incomplete);
    }

    /// <param name="removed">Gets what was deleted.</param>
    /// <returns>False where one of them stays.</returns>
    private async Task<bool> DeleteAsync(IReadOnlyList<string> runs, List<string> removed, CancellationToken stop)
    {
        var all = true;
        foreach (var run in runs)
        {
            try
            {
                var deletion = new RunDeletion(new RunReader(store, context.Time), run, force: false);
                await deletion.CheckStudentsAsync(stop);
                var begun = context.Time.GetTimestamp();
                var objects = await deletion.DeleteAsync(owner => WaitAsync(run, owner, begun, stop), stop);
                tell($"{run}: {objects.Count} objects, {Human.Bytes(objects.Sum(entry => entry.LengthBytes))}, deleted.");
                removed.Add(run);
            }
            catch (Exception e) when (e is CliException or NotPossibleException)
            {
                await context.Error.WriteLineAsync($"slowrun: '{run}' stays: {e.Message}");
                all = false;
            }
        }

        return all;
    }

    private async Task WaitAsync(string run, string owner, long begun, CancellationToken stop)
    {
        if (context.Time.GetElapsedTime(begun) > LongestWait)
        {
            throw new NotPossibleException(
                $"silo '{owner}' still owns a stage of it. The run is cancelled; run 'slowrun chaos --clean' again once that silo has ended."
            );
        }

        if (!told)
        {
            told = true;
            tell($"{run}: waiting for silo '{owner}' to let it go, or to count as gone…");
        }

        await Task.Delay(Look, context.Time, stop);
    }

    /// <param name="Folders">Caches on this machine.</param>
    /// <param name="UnderWay">Left alone.</param>
    internal sealed record Cleaned(IReadOnlyList<string> Runs, IReadOnlyList<string> Folders, IReadOnlyList<ChaosUnderWay> UnderWay);

    internal sealed record ChaosUnderWay(string Who, IReadOnlyList<string> Runs);
}
