using System.Security.Cryptography;
using Slowrun.Core.Plan;
using Slowrun.Core.Tensors;
using Slowrun.Training.Stages;

namespace Slowrun.Gpu;

/// <summary>
/// Whether the device repeats its bits, in another process and after a kill: four layers of the 15-minute model, with the row length, head
/// width, vocabulary and precision of the real one.
/// </summary>
internal static class HashPart
{
    private const int Steps = 3;
    private const int CommittedAt = 2;

    public static int Run(Bench bench)
    {
        using var training = StageTraining.Begin(Inputs(bench), bench.Compute, replicate: false, bench.Path, bench.KernelsOf);
        return Finish(training, bench.Path is null ? "hash" : "kernel-hash");
    }

    /// <summary>Says "committed" when the state is in the file, and trains on until it is killed.</summary>
    public static int TrainAndWait(Bench bench, string file)
    {
        using var training = StageTraining.Begin(Inputs(bench), bench.Compute);
        while (training.Step < CommittedAt)
        {
            training.RunStep(CancellationToken.None);
        }

        using var buffer = training.NewBuffer();
        training.Capture(buffer);
        using (var stream = File.Create(file + ".part"))
        {
            foreach (var tensor in buffer.Tensors)
            {
                stream.Write(tensor.Bytes.Span);
            }

            stream.Flush(flushToDisk: true);
        }

        File.Move(file + ".part", file, overwrite: true);
        Console.WriteLine("committed");
        Console.Out.Flush();
        while (training.Step < training.Steps)
        {
            training.RunStep(CancellationToken.None);
        }

        return 0;
    }

    public static int Resume(Bench bench, string file)
    {
        var inputs = Inputs(bench);
        List<TensorData> state = [];
        using (var stream = File.OpenRead(file))
        {
            foreach (var tensor in new Core.Explain.StateTensors(inputs.Plan, StageSteps.Of(inputs.Plan, inputs.Train.Length)).All)
            {
                var bytes = new byte[tensor.LengthBytes];
                stream.ReadExactly(bytes);
                state.Add(new TensorData(tensor.Name, tensor.Type, tensor.Shape, bytes));
            }
        }

        using var training = StageTraining.Resume(inputs, bench.Compute, state);
        return training.Step == CommittedAt
            ? Finish(training, "resume")
            : throw new InvalidDataException($"'{file}' is of step {training.Step}, expected {CommittedAt}.");
    }

    private static StageInputs Inputs(Bench bench)
    {
        var plan = Sizes.Plan(bench, "15m", 2, layers: 4);
        return new StageInputs { Plan = plan, Train = MadeUp.Tokens(plan) };
    }

    private static int Finish(StageTraining training, string part)
    {
        double loss = 0;
        while (training.Step < Steps)
        {
            loss = training.RunStep(CancellationToken.None).LossNats;
        }

        return Bench.Tell(part, "15m, 4 layers", ("sha256", Of(training)), ("lossNats", loss));
    }

    /// <summary>SHA-256 of the whole state.</summary>
    public static string Of(StageTraining training)
    {
        using var buffer = training.NewBuffer();
        training.Capture(buffer);
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        foreach (var tensor in buffer.Tensors)
        {
            hash.AppendData(tensor.Bytes.Span);
        }

        return Convert.ToHexStringLower(hash.GetHashAndReset());
    }
}
