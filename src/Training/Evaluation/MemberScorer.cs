using Slowrun.Core.Models;
using Slowrun.Core.Plan;
using Slowrun.Core.Tensors;
using Slowrun.Core.Tokens;
using Slowrun.Training.Models;
using Slowrun.Training.Numerics;
using Slowrun.Training.Optimizers;
using Slowrun.Training.Parameters;
using Slowrun.Training.Stages;

namespace Slowrun.Training.Evaluation;

/// <summary>Judges a finished stage's weights on a set of tokens.</summary>
public static class MemberScorer
{
    /// <summary>p(target) of every token of the set but the first, each exactly once, in order.</summary>
    /// <param name="plan">Of the stage that trained the weights: its loop and windows are part of the model.</param>
    /// <param name="weights">A snapshot.</param>
    /// <param name="devices">Batches are dealt to them in turn; their number changes no bit.</param>
    /// <param name="progress">Told the number of tokens judged so far, from any thread.</param>
    /// <exception cref="OperationCanceledException">Stopped.</exception>
    public static float[] Score(
        StagePlan plan, IReadOnlyList<TensorData> weights, TokenSet set, ComputeDevices devices, CancellationToken stop, Action<long>? progress = null)
    {
        ArgumentNullException.ThrowIfNull(plan);
        ArgumentNullException.ThrowIfNull(set);
        ArgumentNullException.ThrowIfNull(devices);
        var result = new float[Math.Max(set.Length - 1, 0)];
        var table = ParameterTable.Of(plan.Model);
        var layout = ParameterGroups.Layout(table, ParameterGroups.Of(table, plan.Stage.Optimizer));
        long next = -1, judged = 0;
        Exception? failure = null;

        var threads = devices.Slots.Skip(1).Select((slot, i) => WorkerThread.Start($"slowrun scoring {i + 1}", () => Work(slot))).ToList();
        Work(devices.Slots[0]);
        threads.ForEach(thread => thread.Join());
        stop.ThrowIfCancellationRequested();
        return failure is null ? result : throw failure;

        void Work(string slot)
        {
            try
            {
                IntraOp.UseOneThread();
                var device = ComputeDevices.DeviceOf(slot);
                using var parameters = new FlatParameters(layout, device);
                parameters.Load(weights);
                using var source = new ParameterSource(parameters, null);
                using var gpt = new Gpt(plan.Model, device);
                var pass = new ScoringPass(
                    plan.Model, plan.Evaluation.Rows, gpt, GptWeights.Of(plan.Model, source), StepSettings.Finished(plan.Model, plan.Stage), device);
                var batches = pass.Batches(set);
                while (!stop.IsCancellationRequested && Volatile.Read(ref failure) is null && Interlocked.Increment(ref next) is var batch && batch < batches)
                {
                    pass.Score(set, batch, result);
                    progress?.Invoke(Interlocked.Add(ref judged, pass.Range(set, batch).Count));
                }
            }
#pragma warning disable CA1031 // Thrown again on the caller's thread.
            catch (Exception e)
#pragma warning restore CA1031
            {
                Interlocked.CompareExchange(ref failure, e, null);
            }
        }
    }
}
