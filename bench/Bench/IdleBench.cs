using System.Globalization;
using Slowrun.Clustering.Tests;
using Slowrun.Silo.Hosting;
using Slowrun.Storage;

namespace Slowrun.Bench;

/// <summary>What a cluster at rest costs: cloud stores are paid by the operation. Every silo is a whole one, slot loop included.</summary>
internal static class IdleBench
{
    // Joining, and the slot loops' way to their longest pause.
    private static readonly TimeSpan Settling = TimeSpan.FromSeconds(30);

    public static int Run(string[] arguments)
    {
        var address = arguments is [var given, ..] ? given : Directory.CreateTempSubdirectory("slowrun-idle-").FullName;
        var silos = arguments is [_, var count] ? int.Parse(count, CultureInfo.InvariantCulture) : 5;
        return RunAsync(address, silos).GetAwaiter().GetResult();
    }

    private static async Task<int> RunAsync(string address, int silos)
    {
        var store = new RecordingStore(await StoreAddress.OpenAsync(address, create: true));
        var hosts = Enumerable.Range(0, silos)
            .Select(i => SiloHost.Build(new SiloSettings { Store = address, Slots = ["cpu:0"], Name = $"idle{i}" }, store)).ToList();
        foreach (var host in hosts)
        {
            await host.StartAsync();
        }

        await Task.Delay(Settling);
        store.Forget();
        await Task.Delay(TimeSpan.FromMinutes(1));
        var operations = store.Operations;
        foreach (var group in operations.GroupBy(Kind).OrderByDescending(group => group.Count()))
        {
            Console.WriteLine($"{group.Count(),6}  {group.Key}");
        }

        Console.WriteLine($"{operations.Count,6}  operations a minute of {silos} silos at rest on {address}");
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
