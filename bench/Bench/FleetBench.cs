using System.Diagnostics;
using System.Globalization;
using Slowrun.Grains.Tests.Simulation;

namespace Slowrun.Bench;

/// <summary>
/// What a fleet asks of its store and how soon it takes what is ready, in virtual time: slot loops, run grain and membership document are
/// the real classes, each operation of the store takes 10 ms, each hop between silos 1 ms, each silo has one slot, each stage a chain of
/// its own.
/// </summary>
internal static class FleetBench
{
    private static readonly TimeSpan StoreLatency = TimeSpan.FromMilliseconds(10);

    // Without work: silos have joined, and their loops are at their longest pause.
    private static readonly TimeSpan Settling = TimeSpan.FromSeconds(20);

    // After a submission.
    private static readonly TimeSpan Wave = TimeSpan.FromSeconds(30);

    private const int Losses = 20;

    // Each machine lives for 25 minutes on average; but one is lost every 30 seconds at least, for something to be seen.
    private static readonly TimeSpan Life = TimeSpan.FromMinutes(25);
    private static readonly TimeSpan SeldomLost = TimeSpan.FromSeconds(30);
    private static readonly TimeSpan Replaced = TimeSpan.FromSeconds(20);

    public static int Run(string[] arguments)
    {
        var silos = Option(arguments, "--silos", 5);
        var stages = Option(arguments, "--stages", 480);
        var losses = Option(arguments, "--losses", Losses);
        var eachReads = arguments.Contains("--each-reads");
        var table = arguments.Contains("--table");
        if (arguments.Contains("--processes"))
        {
            var address = arguments.FirstOrDefault(argument => argument.Contains("://", StringComparison.Ordinal));
            return address is null
                ? throw new ArgumentException("bench fleet --processes N --stages M STORE: expected a cloud store's address.")
                : FleetProcesses
                    .RunAsync(address, Option(arguments, "--processes", 5), stages, Option(arguments, "--losses", 5))
                    .GetAwaiter()
                    .GetResult();
        }

        var took = Stopwatch.StartNew();
        var fleet = new SimFleet(silos, seed: 16, StoreLatency, eachReads, table);
        fleet.Pass(Settling);
        Measure(fleet, "at rest", Settling);
        if (stages == 0)
        {
            return 0;
        }

        fleet.Submit(stages);
        fleet.Pass(Wave);
        Measure(fleet, $"{Wave.TotalSeconds:F0} s after a submission, {fleet.Trained} stages taken", Wave);
        var every = Life / silos < SeldomLost ? Life / silos : SeldomLost;
        for (var loss = 0; loss < losses; loss++)
        {
            fleet.Lose(Replaced);
            fleet.Pass(every);
        }

        Measure(
            fleet,
            string.Create(
                CultureInfo.InvariantCulture,
                $"a silo lost every {every.TotalSeconds:F0} s, {losses} times; {fleet.Trained} stages train"
            ),
            every * losses
        );
        Console.WriteLine($"simulated in {took.Elapsed.TotalSeconds:F0} s");
        return 0;
    }

    private static void Measure(SimFleet fleet, string when, TimeSpan span)
    {
        var (takes, beats, counts) = (fleet.Takes(), fleet.Beats(), fleet.Store.Counts);
        Console.WriteLine(
            string.Create(
                CultureInfo.InvariantCulture,
                $"""
                {when}:
                  store operations a second   {fleet.Store.Total / span.TotalSeconds, 10:F1}
                  from ready to taken, s      {(
                    takes.Count == 0 ? "" : $"p50 {At(takes, 0.5):F2}, p99 {At(takes, 0.99):F2}, longest {takes.Max().TotalSeconds:F2}"
                )} ({takes.Count} takes)
                  heartbeat, s                {(
                    beats.Count == 0 ? "" : $"p50 {At(beats, 0.5):F2}, p99 {At(beats, 0.99):F2}"
                )} ({beats.Count})
                """
            )
        );
        foreach (var (what, count) in counts.OrderByDescending(pair => pair.Value).Take(6))
        {
            Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"  {count / span.TotalSeconds, 28:F1}   {what}"));
        }

        counts.Clear();
    }

    internal static double At(IReadOnlyList<TimeSpan> all, double share) =>
        all.Order().ElementAt((int)(share * (all.Count - 1))).TotalSeconds;

    private static int Option(string[] arguments, string name, int otherwise) =>
        Array.IndexOf(arguments, name) is var at and >= 0 ? int.Parse(arguments[at + 1], CultureInfo.InvariantCulture) : otherwise;
}
