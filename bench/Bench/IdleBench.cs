using System.Globalization;
using Microsoft.Extensions.Hosting;
using Slowrun.Clustering.Tests;
using Slowrun.Core.Specs;
using Slowrun.Core.Stages;
using Slowrun.Silo.Hosting;
using Slowrun.Storage.Addresses;
using Slowrun.Storage.Runs;

namespace Slowrun.Bench;

/// <summary>What a cluster at rest costs: cloud stores are paid by the operation. Every silo is a whole one, slot loop included.</summary>
internal static class IdleBench
{
    // Joining, and the slot loops' way to their longest pause.
    private static readonly TimeSpan Settling = TimeSpan.FromSeconds(30);

    public static int Run(string[] arguments)
    {
        var address = arguments is [var given, ..] ? given : Directory.CreateTempSubdirectory("slowrun-idle-").FullName;
        var cancelled = arguments is [_, _, var runs] ? int.Parse(runs, CultureInfo.InvariantCulture) : 0;
        var silos = arguments is [_, var count, ..] ? int.Parse(count, CultureInfo.InvariantCulture) : 5;
        return RunAsync(address, silos, cancelled).GetAwaiter().GetResult();
    }

    private static async Task<int> RunAsync(string address, int silos, int cancelled)
    {
        var store = new RecordingStore(await StoreAddress.OpenAsync(address, create: true));
        for (var i = 0; i < cancelled; i++)
        {
            var run = new RunDocuments(store, $"cancelled{i}");
            await run.TryCreateSpecAsync(SpecReader.FromPreset("micro") with { Name = run.Run });
            await run.ChangeIntentAsync(intent => intent.With(DesiredState.Cancelled, null));
        }

        var hosts = new List<IHost>();
        for (var i = 0; i < silos; i++)
        {
            var host = await SiloHost.BuildAsync(
                new SiloSettings
                {
                    Store = address,
                    Slots = ["cpu:0"],
                    Name = $"idle{i}",
                },
                store,
                CancellationToken.None
            );
            hosts.Add(host);
            await host.StartAsync();
        }

        await Task.Delay(Settling);
        store.Forget();
        await Task.Delay(TimeSpan.FromMinutes(1));
        var operations = store.Operations;
        foreach (var group in operations.GroupBy(Kind).OrderByDescending(group => group.Count()))
        {
            Console.WriteLine($"{group.Count(), 6}  {group.Key}");
        }

        Console.WriteLine(
            $"{operations.Count, 6}  operations a minute of {silos} silos at rest on {address}, beside {cancelled} cancelled runs"
        );
        await Task.WhenAll(hosts.Select(host => host.StopAsync()));
        return 0;
    }

    /// <summary>Without what differs from run to run and silo to silo.</summary>
    private static string Kind(string operation)
    {
        var name = operation.Split(' ')[^1].Split('/');
        return $"{operation.Split(' ')[0]} {string.Join('/', name.Take(2))}";
    }
}
