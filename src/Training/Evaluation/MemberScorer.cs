using Slowrun.Core.Models;
using Slowrun.Core.Plan;
using Slowrun.Core.Tensors;
using Slowrun.Core.Tokens;
using Slowrun.Training.Models;
using Slowrun.Training.Numerics;
using Slowrun.Training.Parameters;
using Slowrun.Training.Stages;
using TorchSharp;
using static TorchSharp.torch;

namespace Slowrun.Training.Evaluation;

/// <summary>Judges a finished stage's weights on a set of tokens.</summary>
public static class MemberScorer
{
    /// <summary>
    /// p(target) of every token of the set but the first, each exactly once, in order. Of a snapshot with several models: the mean of
    /// their probabilities.
    /// </summary>
    /// <param name="plan">Of the stage that trained the weights: its loop and windows are part of the model.</param>
    /// <param name="weights">A snapshot.</param>
    /// <param name="devices">Batches are dealt to them in turn; their number changes no bit.</param>
    /// <param name="progress">Told the number of tokens judged so far, from any thread.</param>
    /// <exception cref="InvalidDataException">The weights are not of this model.</exception>
    /// <exception cref="OperationCanceledException">Stopped.</exception>
    public static float[] Score(
        StagePlan plan, IReadOnlyList<TensorData> weights, TokenSet set, ComputeDevices devices, CancellationToken stop, Action<long>? progress = null)
    {
        ArgumentNullException.ThrowIfNull(plan);
        ArgumentNullException.ThrowIfNull(weights);
        ArgumentNullException.ThrowIfNull(set);
        ArgumentNullException.ThrowIfNull(devices);
        var models = CheckpointNames.Models(weights).ToList();
        var result = new float[Math.Max(set.Length - 1, 0)];
        foreach (var (index, model) in models.Index())
        {
            var p = ScoreModel(plan, model, set, devices, judged => progress?.Invoke(((index * (long)result.Length) + judged) / models.Count), stop);
            for (var i = 0; i < p.Length; i++)
            {
                result[i] += p[i] / models.Count;
            }
        }

        return result;
    }

    private static float[] ScoreModel(
        StagePlan plan, IReadOnlyList<TensorData> model, TokenSet set, ComputeDevices devices, Action<long> progress, CancellationToken stop)
    {
        var result = new float[Math.Max(set.Length - 1, 0)];
        var table = ParameterTable.Of(plan.Model);
        var layout = ParameterGroups.Layout(table, ParameterGroups.Of(table, plan.Stage.Optimizer));
        var slots = devices.Slots.Select(ComputeDevices.DeviceOf).ToArray();
        IntraOp.UseOneThread();
        // Processors of one machine read the same weights; other devices have their own.
        var loaded = slots.Select(slot => slot.type == DeviceType.CPU ? CPU : slot).DistinctBy(slot => slot.ToString())
            .ToDictionary(slot => slot.ToString(), slot => Loaded(slot, layout, model));
        long next = -1, judged = 0;
        try
        {
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
            foreach (var parameters in loaded.Values)
            {
                parameters.Dispose();
            }
        }

        stop.ThrowIfCancellationRequested();
        return result;

        void Work(Device slot)
        {
            using var source = new ParameterSource(loaded[slot.type == DeviceType.CPU ? CPU.ToString() : slot.ToString()], null);
            using var gpt = new Gpt(plan.Model, slot);
            var pass = new ScoringPass(
                plan.Model, plan.Evaluation.Rows, gpt, GptWeights.Of(plan.Model, source), StepSettings.Finished(plan.Model, plan.Stage), slot);
            var batches = pass.Batches(set);
            while (!stop.IsCancellationRequested && Interlocked.Increment(ref next) is var batch && batch < batches)
            {
                pass.Score(set, batch, result);
                progress(Interlocked.Add(ref judged, pass.Range(set, batch).Count));
            }
        }
    }

    private static FlatParameters Loaded(Device device, ParameterLayout layout, IReadOnlyList<TensorData> model)
    {
        var parameters = new FlatParameters(layout, device);
        parameters.Load(model);
        return parameters;
    }
}
