using System.Diagnostics;
using System.Globalization;
using System.Net;
using System.Text.RegularExpressions;
using Slowrun.Core.Plan;
using Slowrun.Core.Stages;
using Slowrun.Fleet.Silos;
using Slowrun.Reading.Runs;
using Slowrun.Silo.Hosting;
using Slowrun.Storage.Addresses;

namespace Slowrun.Bench;

/// <summary>
/// <see cref="FleetBench"/>'s questions to real silos: processes with one slot each on a cloud store (Azurite, for example), whose requests
/// they count themselves. As many as fit on one machine; they train, so that they compete for it.
/// </summary>
internal static partial class FleetProcesses
{
    private const string Run = "fleet";

    private static readonly TimeSpan Settling = TimeSpan.FromSeconds(20);
    private static readonly TimeSpan Wave = TimeSpan.FromSeconds(30);
    private static readonly TimeSpan ForRecovery = TimeSpan.FromSeconds(60);
    private static readonly TimeSpan Look = TimeSpan.FromSeconds(0.1);

    public static async Task<int> RunAsync(string address, int silos, int stages, int losses)
    {
        var store = await StoreAddress.OpenAsync(address, create: true);
        var reader = new RunReader(store, TimeProvider.System);
        var program = SiloProgram.Find();
        var fleet = new List<Silo>();
        using var client = new HttpClient();
        try
        {
            fleet.AddRange(Enumerable.Range(0, silos).Select(_ => Silo.Start(program, address)));
            await UntilAsync(async () => (await reader.SilosAsync(CancellationToken.None)).Count >= silos, "all silos serve", ForRecovery);
            await Task.Delay(Settling);
            await MeasureAsync(client, fleet, "at rest", Settling);

            await SubmitAsync(address, stages);
            var submitted = TimeProvider.System.GetUtcNow();
            await Task.Delay(Wave);
            var owners = await OwnersAsync(reader);
            Say($"taken after the submission, s      {Spread([.. owners.Values.Select(owner => owner.Since - submitted)])}");
            await MeasureAsync(client, fleet, $"while {owners.Count} of {stages} stages train", Wave);

            var recoveries = new List<TimeSpan>();
            for (var loss = 0; loss < losses; loss++)
            {
                recoveries.Add(await LoseAsync(reader, program, address, fleet));
            }

            Say($"from SIGKILL to another take, s    {Spread(recoveries)}");
            return 0;
        }
        finally
        {
            fleet.ForEach(silo => silo.Kill());
        }
    }

    /// <summary>Kills an owner, starts a silo in its place, and waits until a silo has taken a stage.</summary>
    private static async Task<TimeSpan> LoseAsync(RunReader reader, SiloProgram program, string address, List<Silo> fleet)
    {
        var before = await OwnersAsync(reader);
        var (lost, owner) = before.First(pair => fleet.Exists(silo => silo.Name == pair.Value.SiloName));
        var silo = fleet.Find(silo => silo.Name == owner.SiloName)!;
        var killed = TimeProvider.System.GetUtcNow();
        silo.Kill();
        fleet.Remove(silo);
        fleet.Add(Silo.Start(program, address));
        var known = before.Values.Select(one => (one.SiloName, one.Since)).ToHashSet();
        StageOwner? next = null;
        await UntilAsync(
            async () =>
                (next = (await OwnersAsync(reader)).Values.FirstOrDefault(one => !known.Contains((one.SiloName, one.Since)))) is not null,
            $"another silo takes a stage after {lost} lost its owner",
            ForRecovery
        );
        var took = next!.Since - killed;
        await Task.Delay(Settling / 2);
        return took;
    }

    private static async Task<Dictionary<StageId, StageOwner>> OwnersAsync(RunReader reader)
    {
        var facts = await reader.FactsAsync(Run, CancellationToken.None);
        return facts
            .Roots.Where(pair => pair.Value is { Finished: false, Owner: not null })
            .ToDictionary(pair => pair.Key, pair => pair.Value!.Owner!);
    }

    private static async Task SubmitAsync(string address, int stages)
    {
        var client = Path.GetFullPath(Path.Combine(AppContext.BaseDirectory, "../../Slowrun.Client/release/Slowrun.Client"));
        var start = new ProcessStartInfo(
            client,
            [
                "submit",
                "micro",
                "--name",
                Run,
                "--store",
                address,
                "--set",
                $"chains=[{string.Join(", ", Enumerable.Repeat("{stages: 1}", stages))}]",
                "--set",
                "stage.epochs=100000",
                "--set",
                "operations.checkpointAtLeastEvery=1h",
                "--set",
                "operations.checkpointAtMostEvery=1h",
            ]
        );
        using var process = Process.Start(start)!;
        await process.WaitForExitAsync();
        if (process.ExitCode != 0)
        {
            throw new InvalidOperationException($"'slowrun submit' ended with {process.ExitCode}.");
        }
    }

    /// <summary>What the silos have asked of the store in this time, by their own count, and how long their heartbeats took since they
    /// began.</summary>
    private static async Task MeasureAsync(HttpClient client, IReadOnlyList<Silo> fleet, string when, TimeSpan span)
    {
        var before = await CountAsync(client, fleet);
        await Task.Delay(span);
        var after = await CountAsync(client, fleet);
        Say(
            $"""
            {when}:
              store operations a second      {(after.Operations - before.Operations) / span.TotalSeconds:F1}
              heartbeats, mean, s            {after.HeartbeatSeconds
                / Math.Max(1, after.Heartbeats):F3} ({after.Heartbeats:F0}; {after.Slow:F0} of them longer than 0.1 s)
            """
        );
    }

    private static async Task<Counts> CountAsync(HttpClient client, IReadOnlyList<Silo> fleet)
    {
        var sum = new Counts(0, 0, 0, 0);
        foreach (var silo in fleet)
        {
            var text = await client.GetStringAsync(new Uri($"http://127.0.0.1:{silo.Port}/metrics"));
            double Of(string name, string label = "") =>
                Sample()
                    .Matches(text)
                    .Where(match =>
                        match.Groups["name"].Value == name && match.Groups["labels"].Value.Contains(label, StringComparison.Ordinal)
                    )
                    .Sum(match => double.Parse(match.Groups["value"].Value, CultureInfo.InvariantCulture));
            const string Heartbeat = "slowrun_silo_heartbeat_duration_seconds";
            var beats = Of($"{Heartbeat}_count");
            sum = new Counts(
                sum.Operations + Of("slowrun_store_operations_total"),
                sum.Heartbeats + beats,
                sum.HeartbeatSeconds + Of($"{Heartbeat}_sum"),
                sum.Slow + beats - Of($"{Heartbeat}_bucket", "le=\"0.1\"")
            );
        }

        return sum;
    }

    private static async Task UntilAsync(Func<Task<bool>> holds, string what, TimeSpan atMost)
    {
        var from = Stopwatch.GetTimestamp();
        while (!await holds())
        {
            if (Stopwatch.GetElapsedTime(from) > atMost)
            {
                throw new TimeoutException($"Waited {atMost.TotalSeconds:F0} s in vain until {what}.");
            }

            await Task.Delay(Look);
        }
    }

    private static string Spread(IReadOnlyList<TimeSpan> all) =>
        all.Count == 0
            ? "none"
            : string.Create(
                CultureInfo.InvariantCulture,
                $"p50 {FleetBench.At(all, 0.5):F2}, longest {all.Max().TotalSeconds:F2} ({all.Count})"
            );

    private static void Say(FormattableString text) => Console.WriteLine(text.ToString(CultureInfo.InvariantCulture));

    [GeneratedRegex("""^(?<name>[a-z_]+)(\{(?<labels>[^}]*)\})? (?<value>[-+.0-9eE]+)""", RegexOptions.Multiline)]
    private static partial Regex Sample();

    private sealed record Counts(double Operations, double Heartbeats, double HeartbeatSeconds, double Slow);

    private sealed record Silo(string Name, int Port, Process Process)
    {
        private static int number;

        public static Silo Start(SiloProgram program, string address)
        {
            var (name, port) = ($"bench{++number}", FreePorts.Choose(IPAddress.Loopback, siloPort: 0, gatewayPort: 0).Silo);
            string[] arguments = ["silo", "--store", address, "--name", name, "--slots", "cpu:1", "--http", $"{port}"];
            var start = new ProcessStartInfo(program.FileName, [.. program.Arguments, .. arguments])
            {
                RedirectStandardOutput = true,
                RedirectStandardError = true,
            };
            var process = Process.Start(start)!;
            // Read and dropped: a full pipe would stop the silo.
            process.OutputDataReceived += (_, _) => { };
            process.ErrorDataReceived += (_, _) => { };
            process.BeginOutputReadLine();
            process.BeginErrorReadLine();
            return new Silo(name, port, process);
        }

        public void Kill()
        {
            Process.Kill();
            Process.WaitForExit();
            Process.Dispose();
        }
    }
}
