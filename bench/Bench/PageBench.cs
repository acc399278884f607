using System.Diagnostics;
using System.Globalization;
using System.Net;
using System.Runtime.InteropServices;
using Slowrun.Clustering.Membership;
using Slowrun.Core.Explain;
using Slowrun.Core.Plan;
using Slowrun.Core.Specs;
using Slowrun.Core.Stages;
using Slowrun.Core.Status;
using Slowrun.Core.Tensors;
using Slowrun.Grains.Interfaces;
using Slowrun.Reading.Live;
using Slowrun.Storage;
using Slowrun.Storage.Checkpoints;
using Slowrun.Storage.Runs;
using Slowrun.Web.Hosting;

namespace Slowrun.Bench;

/// <summary>What a page of a big run takes: 100 stages of 10,000 steps, over loopback, from a store in memory.</summary>
internal static class PageBench
{
    private const string Run = "large";

    public static async Task<int> RunAsync(string[] arguments)
    {
        var steps = arguments is [var given] ? int.Parse(given, CultureInfo.InvariantCulture) : 10_000;
        var store = new MemoryStore();
        await FillAsync(store, steps);
        await using var page = await WebServer.StartAsync(
            new WebOptions { Page = new PageSource(store, new NobodyLive(), TimeProvider.System) }
        );
        using var client = new HttpClient { BaseAddress = page.Address };
        string[] paths =
        [
            $"/runs/{Run}/losses",
            $"/runs/{Run}/losses?from={steps / 2}&to={(steps / 2) + (steps / 20)}",
            $"/runs/{Run}/losses?chain=0",
            $"/runs/{Run}",
            $"/api/v1/runs/{Run}/metrics",
        ];
        // The first round is the compiler's.
        foreach (var path in paths.Concat(paths))
        {
            await TellAsync(client, path);
        }

        return 0;
    }

    private static async Task TellAsync(HttpClient client, string path)
    {
        var times = new List<double>();
        var bytes = 0;
        for (var i = 0; i < 21; i++)
        {
            var from = Stopwatch.GetTimestamp();
            bytes = (await client.GetByteArrayAsync(new Uri(path, UriKind.Relative))).Length;
            times.Add(Stopwatch.GetElapsedTime(from).TotalMilliseconds);
        }

        using var request = new HttpRequestMessage(HttpMethod.Get, path);
        request.Headers.AcceptEncoding.ParseAdd("gzip");
        using var answer = await client.SendAsync(request);
        var compressed = (await answer.Content.ReadAsByteArrayAsync()).Length;
        var first = times[0];
        times.Sort();
        Console.WriteLine(
            string.Create(
                CultureInfo.InvariantCulture,
                $"{path, -40} {(answer.StatusCode == HttpStatusCode.OK ? "" : answer.StatusCode.ToString())} first {first, 7:F1} ms, then p50 {times[10], 6:F1} ms, {bytes / 1e3, 8:F1} kB, {compressed / 1e3, 7:F1} kB as gzip"
            )
        );
    }

    private static async Task FillAsync(MemoryStore store, int steps)
    {
        var spec = SpecReader.FromPreset(
            "tiny",
            new SpecOverrides { Name = Run, Set = ["chains=[{stages: 25}, {stages: 25}, {stages: 25}, {stages: 25}]"] }
        );
        await new RunDocuments(store, Run).TryCreateSpecAsync(spec);
        var identity = new StageIdentity
        {
            RecipeSha256 = "r",
            DataSha256 = "d",
            EngineRevision = 1,
            NumericsFingerprint = "0123456789abcdef",
        };
        foreach (var stage in new RunPlan(spec.Recipe).Stages)
        {
            var random = new Random((stage.Id.Chain * 100) + stage.Id.Stage);
            var curve = Enumerable
                .Range(0, steps)
                .Select(i => (float)(1.7 + (3.8 * Math.Exp(-6.0 * i / steps)) + (random.NextDouble() * 0.2)))
                .ToArray();
            var losses = new TensorData(StateTensors.Losses, ElementType.F32, [steps], MemoryMarshal.AsBytes(curve.AsSpan()).ToArray());
            var checkpoint = await new CheckpointWriter(store, TimeProvider.System).WriteAsync(Run, stage.Id, 1, steps, identity, [losses]);
            var name = RunPaths.Root(Run, stage.Id);
            await store.WriteAsync(
                name,
                SealedJson.Serialize(
                    name,
                    new StageRoot
                    {
                        EpochToken = 1,
                        Steps = steps,
                        Identity = identity,
                        Current = checkpoint,
                    }
                )
            );
        }
    }

    private sealed class NobodyLive : ILiveRuns
    {
        public Task<RunStatus?> TryStatusAsync(string run, CancellationToken cancellationToken) => Task.FromResult<RunStatus?>(null);

        public Task<IReadOnlyList<SiloReport>> ReportsAsync(IReadOnlyList<LiveSilo> silos, CancellationToken cancellationToken) =>
            Task.FromResult<IReadOnlyList<SiloReport>>([]);

        public Task PokeAsync(string run, CancellationToken cancellationToken) => Task.CompletedTask;
    }
}
