using System.Diagnostics;
using System.Globalization;
using Slowrun.Core.Mixtures;
using Slowrun.Core.Selection;
using Slowrun.Core.Stages;
using Slowrun.Storage;
using Slowrun.Storage.Addresses;
using Slowrun.Storage.Runs;

namespace Slowrun.Bench;

/// <summary>What it takes to mix many members' stored vectors, made up here: seconds a subset, memory, and how near that is to plainly
/// reading them.</summary>
internal static class EnsembleBench
{
    // Upstream's largest ensemble on a validation set of its size.
    private const double LargestMembers = 480,
        LargestTokens = 10e6;

    private const int FitSteps = 5;

    public static async Task<int> RunAsync(string[] arguments)
    {
        var members = arguments.Length > 0 ? int.Parse(arguments[0], CultureInfo.InvariantCulture) : 64;
        var tokens = arguments.Length > 1 ? int.Parse(arguments[1], CultureInfo.InvariantCulture) : 1_000_000;
        var folder = Path.Combine(arguments.Length > 2 ? arguments[2] : Path.GetTempPath(), $"slowrun-ensemble-{Guid.NewGuid():N}");
        var bytes = sizeof(float) * (double)members * tokens;
        Directory.CreateDirectory(folder);
        var free = new DriveInfo(folder).AvailableFreeSpace;
        try
        {
            if (free < 1.1 * bytes)
            {
                Console.Error.WriteLine(
                    $"{members} x {tokens} probabilities are {bytes / 1e9:F1} GB; '{folder}' has room for {free / 1e9:F1} GB. Ask for fewer, or name another folder."
                );
                return 2;
            }

            var store = await StoreAddress.OpenAsync(folder, create: true);
            var scores = await MadeUpAsync(store, members, tokens);
            await MeasureAsync(store, scores, tokens, bytes);
            return 0;
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    private static async Task<IReadOnlyList<MemberScore>> MadeUpAsync(IObjectStore store, int members, int tokens)
    {
        var scores = new List<MemberScore>();
        var p = new float[tokens];
        var skill = new Random(0);
        var difficulty = Enumerable.Range(0, tokens).Select(_ => skill.NextSingle()).ToArray();
        for (var m = 0; m < members; m++)
        {
            // Alike, as members of one run are: what is hard for one is hard for all.
            var random = new Random(m + 1);
            for (var i = 0; i < tokens; i++)
            {
                p[i] = Math.Clamp((0.8f * difficulty[i]) + (0.2f * random.NextSingle()), 1e-6f, 1);
            }

            var score = new NewScore
            {
                SnapshotSha256 = $"{m:x64}",
                SetSha256 = "set",
                Rows = 1,
                NumericsFingerprint = "made-up",
                LossNats = 0,
                BitsPerByte = 0,
            };
            scores.Add(await new RunScores(store, "bench").CreateAsync(score, p));
        }

        return scores;
    }

    private static async Task MeasureAsync(IObjectStore store, IReadOnlyList<MemberScore> scores, int tokens, double bytes)
    {
        Console.WriteLine($"{Environment.ProcessorCount} threads, {scores.Count} members x {tokens:#,0} tokens, {bytes / 1e9:F2} GB");
        var clock = new Clock();
        PlainRead(store, scores);
        var plain = clock.Tell("plainly read, one file after the other", bytes);

        clock = new Clock();
        var vectors = await new ScoreVectors(store, "bench").OpenAsync(scores);
        var opening = clock.Tell("opened: verified and mapped", bytes, plain);
        IReadOnlyList<ReadOnlyMemory<float>> p = [.. vectors.Select(vector => vector.P)];

        var (targetBytes, memory) = (Enumerable.Repeat(1, tokens).ToArray(), 0L);
        var even = Enumerable.Repeat(1.0, scores.Count).ToArray();
        clock = new Clock();
        JudgedMixture.Of(
            p,
            even,
            targetBytes,
            Environment.ProcessorCount,
            judged => memory = IsSampled(judged) ? Math.Max(memory, AnonymousBytes()) : memory
        );
        var mixing = clock.Tell("mixed: its loss, and without each member", bytes, plain);

        clock = new Clock();
        GradientSelection.Fit(p, 0, FitSteps, (_, _, _) => memory = Math.Max(memory, AnonymousBytes()), Environment.ProcessorCount);
        // One more than the steps: the loss of the weights it ends with.
        var step = clock.Tell("learning weights, a step", bytes, plain, times: FitSteps + 1);
        Console.WriteLine(
            $"memory of the process's own, at most: {memory / 1e6:F0} MB (beside it {bytes / 1e6:F0} MB of mapped files, which the system takes back when it needs room)"
        );

        var scale = LargestMembers * LargestTokens / ((double)scores.Count * tokens);
        Console.WriteLine(
            $"at {LargestMembers} x {LargestTokens / 1e6:F0} M, if memory holds the files: {opening * scale:F0} s to open, {mixing * scale:F0} s a subset, {step * scale:F1} s a step of learning"
        );
        foreach (var vector in vectors)
        {
            vector.Dispose();
        }
    }

    private static void PlainRead(IObjectStore store, IReadOnlyList<MemberScore> scores)
    {
        var buffer = new byte[1 << 20];
        foreach (var score in scores)
        {
            using var file = File.OpenHandle(Path.Combine(store.Address, score.Vector));
            long position = 0;
            int read;
            while ((read = RandomAccess.Read(file, buffer, position)) > 0)
            {
                position += read;
            }
        }
    }

    /// <summary>Now and then: asking takes a tenth of a millisecond.</summary>
    private static bool IsSampled(long judged) => judged / 1024 % 128 == 0;

    private static long AnonymousBytes()
    {
        const string field = "RssAnon:";
        var line = File.ReadLines("/proc/self/status").FirstOrDefault(line => line.StartsWith(field, StringComparison.Ordinal));
        return line is null
            ? 0
            : 1024 * long.Parse(line[field.Length..].Replace("kB", "", StringComparison.Ordinal), CultureInfo.InvariantCulture);
    }

    /// <summary>Real time, and the processors' beside it: on a machine that does other things too, the first is theirs as well.</summary>
    private sealed class Clock
    {
        private readonly long from = Stopwatch.GetTimestamp();
        private readonly TimeSpan busy = Environment.CpuUsage.TotalTime;

        /// <returns>Seconds of real time, once.</returns>
        public double Tell(string what, double bytes, double? plain = null, int times = 1)
        {
            var seconds = Stopwatch.GetElapsedTime(from).TotalSeconds / times;
            var processors = (Environment.CpuUsage.TotalTime - busy).TotalSeconds / times;
            var share = plain is { } reading ? $"  {reading / seconds, 5:F2} of plain reading" : "";
            Console.WriteLine(
                $"{what, -42} {seconds, 8:F3} s  {processors, 8:F3} s of processors  {bytes / seconds / 1e9, 6:F2} GB/s{share}"
            );
            return seconds;
        }
    }
}
