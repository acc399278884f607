using System.Diagnostics;
using Slowrun.Core.Tensors;
using Slowrun.Core.Tokens;
using Slowrun.Storage.Checkpoints;
using Slowrun.Storage.Directories;
using Slowrun.Storage.Tokens;

namespace Slowrun.Bench;

/// <summary>What it costs to hash what a stage trains from: tokens once a silo, a member that teaches at each of its turns.</summary>
internal static class InputsBench
{
    private const int Vocabulary = 50_257;
    private const int Times = 5;
    private const int TensorFloats = 16 << 20;

    public static async Task<int> RunAsync(IReadOnlyList<string> arguments)
    {
        long[] sizes = arguments.Count == 0 ? [10_000_000, 100_000_000] : [.. arguments.Select(one => long.Parse(one, null))];
        var folder = Directory.CreateTempSubdirectory("slowrun-bench-").FullName;
        try
        {
            var store = DirectoryStore.Open(folder);
            Console.WriteLine(
                $"{"tokens", 12} {"MB", 6} {"seconds", 9} {"MB/s", 7}   read into memory, hashed (SHA-256), ids checked; the fastest of {Times}, file in the system's cache"
            );
            foreach (var size in sizes)
            {
                await TokensAsync(store, size);
            }

            await MemberAsync(store);
            return 0;
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    private static async Task TokensAsync(DirectoryStore store, long size)
    {
        var ids = new ushort[size];
        var random = new Random(7);
        for (var i = 0; i < ids.Length; i++)
        {
            ids[i] = (ushort)random.Next(Vocabulary);
        }

        var set = new ArrayTokenSet(ids, [0], [.. Enumerable.Repeat(4, Vocabulary)]);
        var manifest = await new StoredTokenSets(store).ReadManifestAsync(
            await new DataUpload(store).UploadAsync("made-up", set, null, null, "bench", null)
        );
        var best = await FastestAsync(() => new LocalTokenSets(store).ReadAsync(manifest, manifest.Train));
        var megabytes = size * sizeof(ushort) / 1e6;
        Console.WriteLine($"{size, 12} {megabytes, 6:F0} {best, 9:F3} {megabytes / best, 7:F0}");
    }

    private static async Task MemberAsync(DirectoryStore store)
    {
        var weights = Enumerable
            .Range(0, 4)
            .Select(i => new TensorData($"t{i}", ElementType.F32, [TensorFloats], new byte[TensorFloats * sizeof(float)]))
            .ToList();
        var snapshot = await new SnapshotStore(store, "bench", TimeProvider.System).CreateAsync(weights);
        var opened = await FastestAsync(async () =>
        {
            using var whole = await new LocalSnapshots(store).OpenAsync("bench", snapshot.Sha256);
            return whole.Tensors.Count;
        });
        using var member = await new LocalSnapshots(store).OpenAsync("bench", snapshot.Sha256);
        var into = new byte[TensorFloats * sizeof(float)];
        var turn = await FastestAsync(() =>
        {
            foreach (var tensor in member.Tensors)
            {
                tensor.Bytes.Span.CopyTo(into);
            }

            return Task.FromResult(0);
        });
        var bare = await FastestAsync(() =>
        {
            foreach (var tensor in weights)
            {
                tensor.Bytes.Span.CopyTo(into);
            }

            return Task.FromResult(0);
        });
        var megabytes = snapshot.LengthBytes / 1e6;
        Console.WriteLine(
            $"a member of {megabytes:F0} MB: opened in {opened:F3} s ({megabytes / opened:F0} MB/s); each turn {turn:F3} s ({megabytes / turn:F0} MB/s: read, hashed, copied), a bare copy {bare:F3} s"
        );
    }

    private static async Task<double> FastestAsync<T>(Func<Task<T>> work)
    {
        var best = double.MaxValue;
        for (var i = 0; i < Times; i++)
        {
            var from = Stopwatch.GetTimestamp();
            await work();
            best = Math.Min(best, Stopwatch.GetElapsedTime(from).TotalSeconds);
        }

        return best;
    }
}
