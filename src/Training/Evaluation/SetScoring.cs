using Slowrun.Core.Models;
using Slowrun.Core.Plan;
using Slowrun.Core.Tensors;
using Slowrun.Core.Tokens;
using Slowrun.Training.Devices;
using Slowrun.Training.Models;
using Slowrun.Training.Numerics;
using Slowrun.Training.Parameters;
using TorchSharp;
using static TorchSharp.torch;

namespace Slowrun.Training.Evaluation;

/// <summary>Runs finished weights over a whole set, its batches dealt to the devices in turn.</summary>
internal static class SetScoring
{
    /// <param name="models">Of one recipe; all of them are in memory at once, on each kind of device.</param>
    /// <param name="progress">Called with the number of targets scored so far, from any thread.</param>
    /// <returns>p(target) of every token but the first, by the average of the first 1, 2, … models' logits.</returns>
    /// <exception cref="InvalidDataException">Weights are not of this model.</exception>
    /// <exception cref="OperationCanceledException">Stopped.</exception>
    public static IReadOnlyList<float[]> Score(
        IReadOnlyList<(StagePlan Plan, IReadOnlyList<TensorData> Weights)> models,
        TokenSet set,
        ComputeDevices devices,
        Action<long>? progress,
        CancellationToken stop
    )
    {
        var result = models.Select(_ => new float[Math.Max(set.Length - 1, 0)]).ToList();
        var slots = devices.Slots.Select(ComputeDevices.DeviceOf).ToArray();
        IntraOp.UseOneThread();
        // Processors of one machine read the same weights; other devices have their own.
        var loaded = new Dictionary<string, IReadOnlyList<FlatParameters>>();
        long next = -1,
            judged = 0;
        try
        {
            foreach (var device in slots.Select(OfWeights).DistinctBy(device => device.ToString()))
            {
                loaded[device.ToString()] = Loaded(device, models);
            }

            var others = slots.Skip(1).Select((slot, i) => WorkerThread.RunAsync($"slowrun scoring {i + 1}", () => Work(slot))).ToArray();
            try
            {
                Work(slots[0]);
            }
            finally
            {
                Task.WaitAll(others, CancellationToken.None);
            }
        }
        finally
        {
            foreach (var parameters in loaded.Values.SelectMany(all => all))
            {
                parameters.Dispose();
            }
        }

        stop.ThrowIfCancellationRequested();
        return result;

        void Work(Device slot)
        {
            var parameters = loaded[OfWeights(slot).ToString()];
            var sources = new List<ParameterSource>();
            var scored = new List<ScoredModel>();
            try
            {
                foreach (var ((plan, _), weights) in models.Zip(parameters))
                {
                    var source = new ParameterSource(weights, null);
                    sources.Add(source);
                    scored.Add(
                        new ScoredModel(
                            new Gpt(plan.Model, slot),
                            GptWeights.Of(plan.Model, source),
                            StepSettings.Finished(plan.Model, plan.Stage)
                        )
                    );
                }

                var first = models[0].Plan;
                var pass = new ScoringPass(first.Model, first.Evaluation.Rows, scored, slot);
                var batches = pass.Batches(set);
                while (!stop.IsCancellationRequested && Interlocked.Increment(ref next) is var batch && batch < batches)
                {
                    pass.Score(set, batch, result);
                    progress?.Invoke(Interlocked.Add(ref judged, pass.Range(set, batch).Count));
                }
            }
            finally
            {
                scored.ForEach(one => one.Gpt.Dispose());
                sources.ForEach(source => source.Dispose());
            }
        }
    }

    private static Device OfWeights(Device slot) => slot.type == DeviceType.CPU ? CPU : slot;

    private static List<FlatParameters> Loaded(Device device, IReadOnlyList<(StagePlan Plan, IReadOnlyList<TensorData> Weights)> models)
    {
        var loaded = new List<FlatParameters>();
        try
        {
            foreach (var (plan, weights) in models)
            {
                var table = ParameterTable.Of(plan.Model);
                var parameters = new FlatParameters(ParameterGroups.Layout(table, ParameterGroups.Of(table, plan.Stage.Optimizer)), device);
                loaded.Add(parameters);
                parameters.Load(weights);
            }

            return loaded;
        }
        catch
        {
            loaded.ForEach(parameters => parameters.Dispose());
            throw;
        }
    }
}
