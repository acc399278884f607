using System.Diagnostics;
using System.Globalization;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Slowrun.Clustering.Hosting;
using Slowrun.Grains.Interfaces;
using Slowrun.Storage;

namespace Slowrun.Bench;

/// <summary>How long a connected client waits for a run's status, best measured while both cores train.</summary>
internal static class StatusBench
{
    public static int Run(string[] arguments)
    {
        if (arguments is not [var address, var run, .. var rest])
        {
            Console.Error.WriteLine("bench status STORE RUN [CALLS]: asks the living silos of a store.");
            return 2;
        }

        var calls = rest is [var count] ? int.Parse(count, CultureInfo.InvariantCulture) : 500;
        return RunAsync(address, run, calls).GetAwaiter().GetResult();
    }

    private static async Task<int> RunAsync(string address, string run, int calls)
    {
        var store = await StoreAddress.OpenAsync(address, create: false);
        var builder = Host.CreateEmptyApplicationBuilder(new HostApplicationBuilderSettings { DisableDefaults = true });
        builder.UseOrleansClient(client =>
        {
            client.UseStoreClustering(store);
            client.Services.AddSlowrunRecords();
        });
        using var host = builder.Build();
        var from = Stopwatch.GetTimestamp();
        await host.StartAsync();
        Console.WriteLine($"connected in {Stopwatch.GetElapsedTime(from).TotalMilliseconds:F0} ms");

        var grain = host.Services.GetRequiredService<IGrainFactory>().GetGrain<IRunGrain>(run);
        await grain.GetStatus();
        var times = new List<double>();
        for (var call = 0; call < calls; call++)
        {
            // As a watching client asks, not as fast as it can: otherwise the calls themselves are the load.
            await Task.Delay(20);
            from = Stopwatch.GetTimestamp();
            _ = await grain.GetStatus() ?? throw new InvalidOperationException($"There is no run '{run}' in '{address}'.");
            times.Add(Stopwatch.GetElapsedTime(from).TotalMilliseconds);
        }

        times.Sort();
        Console.WriteLine($"{calls} calls: p50 {times[calls / 2]:F1} ms, p99 {times[calls * 99 / 100]:F1} ms, longest {times[^1]:F1} ms");
        await host.StopAsync();
        return 0;
    }
}
