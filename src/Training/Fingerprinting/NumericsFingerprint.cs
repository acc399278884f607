using System.Collections.Concurrent;
using System.Security.Cryptography;
using Slowrun.Core.Plan;
using Slowrun.Core.Recipes;
using Slowrun.Core.Stages;
using Slowrun.Core.Tokens;
using Slowrun.Training.Devices;
using Slowrun.Training.Models;
using Slowrun.Training.Numerics;
using Slowrun.Training.Stages;
using TorchSharp;
using static TorchSharp.torch;

namespace Slowrun.Training.Fingerprinting;

/// <summary>
/// Identifies the bits of a slot's arithmetic: SHA-256 of a canned training of some tens of milliseconds. Processors with other instruction
/// sets and libraries of other versions may differ. Where the fingerprint is the same, a stage continues bit by bit.
/// </summary>
public static class NumericsFingerprint
{
    private static readonly ConcurrentDictionary<(string Slot, KernelShape Shape), Lazy<string>> Known = [];

    /// <summary>Of a slot by itself, at small sizes in float32.</summary>
    /// <param name="slot">For example <c>cpu:0</c>. All CPU slots of a machine are one.</param>
    /// <returns>Lower-case hex, or <see cref="StageIdentity.UnrepeatablePrefix"/> and the kind of a device that gives other bits each time;
    /// computed once in a process.</returns>
    /// <exception cref="DeviceRefusedException">The device cannot train.</exception>
    public static string Of(string slot) => Of(slot, KernelShape.Canned);

    /// <summary>Of a slot that trains a stage: at the stage's precision, head width and sequence length, so that it covers the kernels that
    /// will run.</summary>
    /// <inheritdoc cref="Of(string)"/>
    public static string Of(string slot, StagePlan plan) =>
        Of(slot, KernelShape.Of(plan, gpu: ComputeDevices.DeviceOf(slot).type != DeviceType.CPU));

    private static string Of(string slot, KernelShape shape)
    {
        var device = ComputeDevices.DeviceOf(slot);
        var kind = device.type == DeviceType.CPU ? "cpu:0" : slot;
        return Known
            .GetOrAdd(
                (kind, shape),
                key => new Lazy<string>(() =>
                {
                    // On a thread of its own: the caller's keeps its number of intra-op threads.
                    try
                    {
                        var result = "";
                        WorkerThread
                            .RunAsync(
                                "slowrun fingerprint",
                                () =>
                                {
                                    result = Compute(kind, shape);
                                    // Processors repeat their bits; a device that does not would have another fingerprint each time.
                                    if (device.type != DeviceType.CPU && Compute(kind, shape) != result)
                                    {
                                        result = StageIdentity.UnrepeatablePrefix + device.type.ToString().ToLowerInvariant();
                                    }
                                }
                            )
                            .GetAwaiter()
                            .GetResult();
                        return result;
                    }
                    catch (Exception e) when (device.type != DeviceType.CPU)
                    {
                        throw new DeviceRefusedException(
                            $"'{slot}' cannot train rows of {shape.SequenceLength} at width {shape.Width} in {shape.Products}: {e.Message.Split('\n')[0]} "
                                + "Give it to another slot, or change the recipe so that it does without that operation.",
                            e
                        );
                    }
                })
            )
            .Value;
    }

    private static string Compute(string slot, KernelShape shape)
    {
        using var scope = NewDisposeScope();
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        Train(slot, shape, hash);

        // The training's matrices are small; large ones are cut into blocks by other kernels.
        var device = ComputeDevices.DeviceOf(slot);
        var (a, b) = (Noise(384, 512, 1).to(device), Noise(512, 320, 2).to(device));
        hash.AppendData(Scalars.OnHost(a.mm(b)).bytes);
        return Convert.ToHexStringLower(hash.GetHashAndReset());
    }

    private static void Train(string slot, KernelShape shape, IncrementalHash hash)
    {
        var tokens = Enumerable
            .Range(0, (4 * shape.Rows * (shape.SequenceLength + 1)) + 8)
            .Select(i => (ushort)(CounterRandom.At(7, (ulong)i) % (ulong)shape.VocabSize))
            .ToArray();
        var set = new ArrayTokenSet(tokens, [0], [.. Enumerable.Repeat(1, shape.VocabSize)]);
        var plan = new StagePlan
        {
            Id = new StageId(0, 0),
            Role = ChainRole.Members,
            Seed = 1,
            Model = new ModelRecipe
            {
                VocabSize = shape.VocabSize,
                SequenceLength = shape.SequenceLength,
                Layers = 2,
                Heads = shape.Heads,
                Width = shape.Width,
                ShortWindow = shape.Windows.Narrow,
                LongWindow = shape.Windows.Wide,
                Products = shape.Products,
            },
            Stage = new StageRecipe
            {
                BatchTokens = 2 * shape.Rows * shape.SequenceLength,
                DeviceRows = shape.Rows,
                Lanes = 2,
                Epochs = 1.6,
                Loop = new LoopRecipe
                {
                    Start = 1,
                    End = 2,
                    Replays = 1,
                },
            },
            Evaluation = new EvaluationRecipe(),
            Data = new DataRecipe(),
        };
        using var training = StageTraining.Begin(
            new StageInputs { Plan = plan, Train = set },
            new ComputeDevices([slot]),
            replicate: false,
            ComputeDevices.DeviceOf(slot).type == DeviceType.CPU ? shape.Path : StepPath.Composed
        );
        while (training.Step < training.Steps)
        {
            training.RunStep(CancellationToken.None);
        }

        foreach (var tensor in training.Snapshot())
        {
            hash.AppendData(tensor.Bytes.Span);
        }

        // Weights are chosen, and members teach, by passes of the composed path, whatever path the steps have.
        var loss = training.LossNats(set, CancellationToken.None)!.Value;
        hash.AppendData(BitConverter.GetBytes(BitConverter.DoubleToInt64Bits(loss)));
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
