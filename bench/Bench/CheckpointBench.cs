using System.Diagnostics;
using System.Globalization;
using Slowrun.Core.Plan;
using Slowrun.Core.Recipes;
using Slowrun.Core.Stages;
using Slowrun.Core.Tensors;
using Slowrun.Core.Tokens;
using Slowrun.Storage;
using Slowrun.Storage.Addresses;
using Slowrun.Storage.Checkpoints;
using Slowrun.Training.Devices;
using Slowrun.Training.Numerics;
using Slowrun.Training.Stages;

namespace Slowrun.Bench;

/// <summary>
/// What a checkpoint costs: the trainer's stall against a plain copy of the same bytes, writing and reading a checkpoint against the same
/// bytes as one plain object of the same store, and what is left of the training at the interval that follows. Measured in turn, pair by
/// pair; printed are medians, and the median of the pairs' ratios.
/// </summary>
internal static class CheckpointBench
{
    private static readonly (string Name, ModelRecipe Model)[] Sizes =
    [
        ("demo", new ModelRecipe()),
        (
            "d256-v50257",
            new ModelRecipe
            {
                Width = 256,
                SequenceLength = 256,
                VocabSize = 50257,
            }
        ),
    ];

    public static int Run(IReadOnlyList<string> arguments)
    {
        if (arguments.Count == 0)
        {
            Console.Error.WriteLine("bench checkpoint STORE [PAIRS]: measures on a store, below runs/bench.");
            return 2;
        }

        var pairs = arguments.Count > 1 ? int.Parse(arguments[1], CultureInfo.InvariantCulture) : 9;
        var store = StoreAddress.OpenAsync(arguments[0], create: true).GetAwaiter().GetResult();
        Console.WriteLine($"{store.Address}, {pairs} pairs each");
        Console.WriteLine(
            $"{"size", -12} {"MB", 7} {"what", -12} {"ms", 9} {"MB/s", 8} {"plain ms", 9} {"plain MB/s", 10} {"of plain", 9}"
        );
        WorkerThread
            .RunAsync(
                "bench",
                () =>
                {
                    foreach (var (name, model) in Sizes)
                    {
                        Measure(store, name, model, pairs);
                    }
                }
            )
            .GetAwaiter()
            .GetResult();
        return 0;
    }

    private static void Measure(IObjectStore store, string size, ModelRecipe model, int pairs)
    {
        var plan = new StagePlan
        {
            Id = new StageId(0, 0),
            Role = ChainRole.Members,
            Seed = 1,
            Model = model,
            Stage = new StageRecipe
            {
                BatchTokens = 2048,
                DeviceRows = 2048 / model.SequenceLength,
                Lanes = 1,
                Epochs = 1000,
            },
            Evaluation = new(),
            Data = new(),
        };
        var tokens = Enumerable.Range(0, 40_000).Select(i => (ushort)(i * 7919L % model.VocabSize)).ToArray();
        using var training = StageTraining.Begin(
            new StageInputs { Plan = plan, Train = new ArrayTokenSet(tokens, [0], [.. Enumerable.Repeat(1, model.VocabSize)]) },
            ComputeDevices.SingleCpu
        );
        training.RunStep(CancellationToken.None);
        using var buffer = new StateBuffer(training.StateLayout);
        var bytes = checked((int)buffer.LengthBytes);
        var (from, to) = (new byte[bytes], new byte[bytes]);
        Random.Shared.NextBytes(from);
        from.CopyTo(to, 0);

        var stall = Pairs(pairs, _ => training.Capture(buffer), _ => from.CopyTo(to, 0));
        Print(size, bytes, "stall", stall);

        var bench = $"bench{Guid.NewGuid():N}"[..20];
        var writer = new CheckpointWriter(store, TimeProvider.System);
        var identity = new StageIdentity
        {
            RecipeSha256 = "",
            DataSha256 = "",
            EngineRevision = 1,
            NumericsFingerprint = "",
        };
        var checkpoints = new CheckpointRef[pairs + 1];
        var write = Pairs(
            pairs,
            i => checkpoints[i] = writer.WriteAsync(bench, plan.Id, 1, i, identity, buffer.Tensors).GetAwaiter().GetResult(),
            i => store.TryCreateAsync($"runs/{bench}/plain{i}", new MemoryStream(from)).GetAwaiter().GetResult()
        );
        Print(size, bytes, "checkpoint", write);

        // Both into memory that was used before: what new memory costs differs by a factor of ten within one run.
        var reader = new CheckpointReader(store);
        var places = buffer.Tensors.ToDictionary(tensor => tensor.Name, tensor => new byte[tensor.Bytes.Length]);
        var read = Pairs(
            pairs,
            i => reader.ReadAsync(bench, plan.Id, checkpoints[i], identity, layout => places[layout.Name]).GetAwaiter().GetResult(),
            i =>
            {
                using var plain = store.TryOpenAsync($"runs/{bench}/plain{i}").GetAwaiter().GetResult()!;
                plain.ReadExactly(to.AsSpan(0, (int)plain.Length));
            }
        );
        Print(size, bytes, "restore", read);
        PrintOverhead(stall.Ours, write.Ours);
        CleanAsync(store, $"runs/{bench}/").GetAwaiter().GetResult();
    }

    /// <summary>As a stage's own clock computes it: the stall, and the upload as a share of the machine's cores.</summary>
    private static void PrintOverhead(double stallSeconds, double writeSeconds)
    {
        var operations = new Operations();
        var cost = TimeSpan.FromSeconds(stallSeconds + (writeSeconds / Environment.ProcessorCount));
        var interval = CheckpointInterval.Optimal(
            cost,
            operations.ExpectedTimeBetweenLosses,
            operations.CheckpointAtLeastEvery,
            operations.CheckpointAtMostEvery
        );
        Console.WriteLine(
            string.Create(
                CultureInfo.InvariantCulture,
                $"             a checkpoint costs {cost.TotalMilliseconds:F1} ms; every {interval.TotalSeconds:F1} s, that is {cost / interval:P2} of the training, "
                    + $"and {interval / 2 / operations.ExpectedTimeBetweenLosses:P2} more are lost with one machine in {operations.ExpectedTimeBetweenLosses.TotalMinutes:F0} min."
            )
        );
    }

    private static (double Ours, double Plain, double Ratio) Pairs(int pairs, Action<int> ours, Action<int> plain)
    {
        // The first pair warms up.
        var times = Enumerable
            .Range(0, pairs + 1)
            .Select(i =>
            {
                // In turn first and second, so that neither always finds the caches warm.
                if (i % 2 == 0)
                {
                    var first = Seconds(ours, i);
                    return (Ours: first, Plain: Seconds(plain, i));
                }

                var before = Seconds(plain, i);
                return (Ours: Seconds(ours, i), Plain: before);
            })
            .ToList()
            .Skip(1)
            .ToList();
        return (
            Median(times.Select(pair => pair.Ours)),
            Median(times.Select(pair => pair.Plain)),
            Median(times.Select(pair => pair.Ours / pair.Plain))
        );
    }

    private static double Seconds(Action<int> work, int i)
    {
        var from = Stopwatch.GetTimestamp();
        work(i);
        return Stopwatch.GetElapsedTime(from).TotalSeconds;
    }

    private static double Median(IEnumerable<double> values)
    {
        var sorted = values.Order().ToList();
        return sorted[sorted.Count / 2];
    }

    private static void Print(string size, long bytes, string what, (double Ours, double Plain, double Ratio) times) =>
        Console.WriteLine(
            string.Create(
                CultureInfo.InvariantCulture,
                $"{size, -12} {bytes / 1e6, 7:F1} {what, -12} {times.Ours * 1e3, 9:F2} {bytes / 1e6 / times.Ours, 8:F0} {times.Plain * 1e3, 9:F2} {bytes / 1e6 / times.Plain, 10:F0} {times.Ratio, 8:F2}x"
            )
        );

    private static async Task CleanAsync(IObjectStore store, string prefix)
    {
        var names = await store.ListAsync(prefix).Select(entry => entry.Name).ToListAsync();
        foreach (var name in names)
        {
            await store.TryDeleteAsync(name);
        }
    }
}
