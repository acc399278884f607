using System.Collections.Concurrent;
using System.Security.Cryptography;
using Slowrun.Core.Plan;
using Slowrun.Core.Recipes;
using Slowrun.Core.Stages;
using Slowrun.Core.Tokens;
using Slowrun.Training.Models;
using Slowrun.Training.Stages;
using TorchSharp;
using static TorchSharp.torch;

namespace Slowrun.Training.Numerics;

/// <summary>
/// Which bits a slot's arithmetic gives: SHA-256 of a canned training of some tens of milliseconds. Processors of other instruction sets
/// and libraries of other versions may differ, need not; where the fingerprint is the same, a stage goes on bit by bit.
/// </summary>
public static class NumericsFingerprint
{
    private static readonly ConcurrentDictionary<string, Lazy<string>> Known = [];

    /// <param name="slot">For example <c>cpu:0</c>. All CPU slots of a machine are one.</param>
    /// <returns>Lower-case hex, or <see cref="StageIdentity.UnrepeatablePrefix"/> and the kind of a device that gives other bits each time; computed once in a process.</returns>
    public static string Of(string slot)
    {
        var device = ComputeDevices.DeviceOf(slot);
        var kind = device.type == DeviceType.CPU ? "cpu:0" : slot;
        return Known.GetOrAdd(kind, key => new Lazy<string>(() =>
        {
            // On a thread of its own: the caller's keeps its number of intra-op threads.
            var result = "";
            WorkerThread.Start("slowrun fingerprint", () =>
            {
                result = Compute(key);
                // Processors repeat their bits; a device that does not would pass for another one at every look.
                if (device.type != DeviceType.CPU && Compute(key) != result)
                {
                    result = StageIdentity.UnrepeatablePrefix + device.type.ToString().ToLowerInvariant();
                }
            }).Join();
            return result;
        })).Value;
    }

    private static string Compute(string slot)
    {
        using var scope = NewDisposeScope();
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        foreach (var tensor in Train(slot))
        {
            hash.AppendData(tensor.Bytes.Span);
        }

        // The training's matrices are small; large ones are cut into blocks by other kernels.
        var device = ComputeDevices.DeviceOf(slot);
        var (a, b) = (Noise(384, 512, 1).to(device), Noise(512, 320, 2).to(device));
        hash.AppendData(a.mm(b).cpu().bytes);
        return Convert.ToHexStringLower(hash.GetHashAndReset());
    }

    private static IReadOnlyList<Core.Tensors.TensorData> Train(string slot)
    {
        var tokens = Enumerable.Range(0, 400).Select(i => (ushort)(CounterRandom.At(7, (ulong)i) % 61)).ToArray();
        var plan = new StagePlan
        {
            Id = new StageId(0, 0),
            Role = ChainRole.Members,
            Seed = 1,
            Model = new ModelRecipe { VocabSize = 61, SequenceLength = 48, Layers = 2, Heads = 2, Width = 96 },
            Stage = new StageRecipe { BatchTokens = 192, DeviceRows = 2, Lanes = 2, Epochs = 1.6, Loop = new LoopRecipe { Start = 1, End = 2, Replays = 1 } },
            Evaluation = new EvaluationRecipe(),
            Data = new DataRecipe(),
        };
        using var training = StageTraining.Begin(
            new StageInputs { Plan = plan, Train = new ArrayTokenSet(tokens, [0], [.. Enumerable.Repeat(1, 61)]) }, new ComputeDevices([slot]));
        while (training.Step < training.Steps)
        {
            training.RunStep(CancellationToken.None);
        }

        return training.Snapshot();
    }

    private static Tensor Noise(int rows, int columns, ulong key)
    {
        var values = new float[rows * columns];
        for (var i = 0; i < values.Length; i++)
        {
            values[i] = (float)((2 * CounterRandom.Uniform(key, (ulong)i)) - 1);
        }

        return tensor(values, rows, columns);
    }
}
