using System.Numerics;
using Slowrun.Core.Models;
using Slowrun.Core.Plan;
using Slowrun.Core.Recipes;
using Slowrun.Core.Tensors;

namespace Slowrun.Core.Explain;

/// <summary>Bytes that a stage needs on one slot while it trains; all but the activations are exact.</summary>
/// <param name="Gradients">Buffers in which lanes are summed: log2(lanes) + 1 of them with one worker.</param>
/// <param name="Teacher">One model's weights; of an ensemble, whose models take turns in them, also what it has taught of some micro-batches.</param>
/// <param name="Activations">About: what is kept of a micro-batch for its backward pass.</param>
/// <param name="CheckpointCopy">In the host's memory: the captured state while it is uploaded.</param>
public sealed record StageMemory(
    long Weights, long Moments, long Averages, long Gradients, long Teacher, long Activations, long CheckpointCopy)
{
    // Numbers of a chunk of logits; those of a larger vocabulary are computed chunk by chunk.
    private const long ChunkNumbers = 1L << 24;

    public long Total => Weights + Moments + Averages + Gradients + Teacher + Activations + CheckpointCopy;

    internal static StageMemory Of(StagePlan plan, StateTensors state, int layerApplications)
    {
        var flat = state.FlatLength * sizeof(float);
        return new(
            Bytes(state.Weights), Bytes(state.Moments), Bytes(state.Averages),
            flat * (BitOperations.Log2((uint)plan.Stage.Lanes) + 1),
            plan.TeacherEnsemble is { } ensemble ? Taught(plan, ensemble) : plan.Teacher is null ? 0 : flat,
            sizeof(float) * Kept(plan, layerApplications),
            Bytes(state.All));
    }

    private static long Taught(StagePlan plan, TeacherRecipe ensemble)
    {
        var table = ParameterTable.Of(ensemble.Model);
        var weights = ParameterGroups.Layout(table, ParameterGroups.Of(table, plan.Stage.Optimizer)).Length;
        return sizeof(float) * (weights + TaughtAtOnce.Numbers(plan));
    }

    /// <summary>
    /// Numbers that autograd keeps. Counted in the block's code, per token: the stream, norms, q, k, v, attention, its output and dropout
    /// masks are about 18 of the width; the MLP's two halves, their product and its input 4 of the hidden width. Three of a chunk's logits.
    /// </summary>
    private static long Kept(StagePlan plan, int layerApplications)
    {
        var (model, stage) = (plan.Model, plan.Stage);
        var tokens = (long)stage.DeviceRows * model.SequenceLength;
        var block = (18L * model.Width) + (4L * ParameterTable.HiddenWidth(model));
        // A recurrence keeps the last pass alone.
        long blocks = (stage.Recurrence is { Passes: var passes } ? layerApplications / Math.Max(1, passes) : layerApplications) + (model.MtpBlock ? 1 : 0);
        var layers = stage.Recompute ? (blocks * model.Width) + block : blocks * block;
        return (tokens * layers) + (3 * Math.Min(tokens * model.VocabSize, ChunkNumbers));
    }

    private static long Bytes(IEnumerable<TensorLayout> tensors) => tensors.Sum(tensor => tensor.LengthBytes);
}
