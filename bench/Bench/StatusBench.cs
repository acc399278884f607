using System.Diagnostics;
using System.Globalization;
using Slowrun.Core.Plan;
using Slowrun.Core.Status;
using Slowrun.Reading.Live;
using Slowrun.Reading.Runs;
using Slowrun.Storage.Addresses;

namespace Slowrun.Bench;

/// <summary>
/// How long a client that stays waits for a run's status, by the reader that the command line uses: best measured while both cores train,
/// or while silos are lost (<c>slowrun chaos</c> on the same store).
/// </summary>
internal static class StatusBench
{
    // As a watching client asks, not as fast as it can: otherwise the calls themselves are the load.
    private static readonly TimeSpan Pause = TimeSpan.FromMilliseconds(20);

    public static int Run(string[] arguments)
    {
        if (arguments is not [var address, var run, .. var rest])
        {
            Console.Error.WriteLine("bench status STORE RUN [CALLS]: asks until so many calls are answered, or the run has ended.");
            return 2;
        }

        var calls = rest is [var count] ? int.Parse(count, CultureInfo.InvariantCulture) : 500;
        return RunAsync(address, run, calls).GetAwaiter().GetResult();
    }

    private static async Task<int> RunAsync(string address, string run, int calls)
    {
        var store = await StoreAddress.OpenAsync(address, create: false);
        await using var reader = new StatusReader(new RunReader(store, TimeProvider.System));
        var from = Stopwatch.GetTimestamp();
        await reader.ReadAsync(run, CancellationToken.None);
        Console.WriteLine($"first answer after {Stopwatch.GetElapsedTime(from).TotalMilliseconds:F0} ms");

        var times = new Dictionary<StatusSource, List<double>> { [StatusSource.Cluster] = [], [StatusSource.Store] = [] };
        var owners = new HashSet<string>();
        for (var call = 0; call < calls; call++)
        {
            await Task.Delay(Pause);
            from = Stopwatch.GetTimestamp();
            var status = await reader.ReadSoonAsync(run, CancellationToken.None);
            times[status.Source].Add(Stopwatch.GetElapsedTime(from).TotalMilliseconds);
            owners.UnionWith(status.Stages.Select(stage => stage.Owner?.SiloName).OfType<string>());
            if (Readiness.IsOver(status.State))
            {
                break;
            }
        }

        foreach (var (source, all) in times.Where(pair => pair.Value.Count > 0))
        {
            all.Sort();
            Console.WriteLine(
                string.Create(
                    CultureInfo.InvariantCulture,
                    $"{all.Count} answers of the {source}: p50 {all[all.Count / 2]:F1} ms, p99 {all[all.Count * 99 / 100]:F1} ms, longest {all[^1]:F1} ms"
                )
            );
        }

        Console.WriteLine($"{owners.Count} silos were seen to own stages meanwhile");
        return 0;
    }
}
