using Slowrun.Core.Models;
using Slowrun.Core.Plan;
using Slowrun.Core.Recipes;

namespace Slowrun.Core.Explain;

/// <summary>
/// Bytes of a worker's own on the fused path, counted matrix by matrix in the engine's code. They stay from one step to the next, and the
/// optimizer's temporaries come on top of them.
/// </summary>
internal static class FusedActivations
{
    // Numbers of a vector: heads are padded to whole ones.
    private const int Vector = 16;

    // Of a stack of matrices that the optimizer makes orthogonal: two rooms that take turns, and a Gram matrix and its polynomial, which
    // are as large at most. (In bfloat16 it is nine.)
    private const long OptimizerTensors = 4;

    /// <param name="visits">Layers of a pass, loops counted.</param>
    public static long Bytes(StagePlan plan, int visits)
    {
        var (model, stage) = (plan.Model, plan.Stage);
        var tokens = (long)stage.DeviceRows * model.SequenceLength;
        var rows = Math.Min(tokens, LogitRows.AtOnce(model, gpu: false));
        var taught = plan.IsTaught && stage.Distillation is { Alpha: > 0 };
        var network = (visits * (Visit(model) + model.Width)) + Shared(model) + Slopes(model);
        if (taught && plan.TeachingModel is null)
        {
            // The teacher's visits share one room; each has its own stream.
            network += Visit(model) + (visits * (long)model.Width) + Shared(model);
        }

        if (MtpLoss.Counts(model, stage, taught ? stage.Distillation!.Alpha : 0))
        {
            network += Further(model);
        }

        var numbers = (tokens * network) + (rows * model.VocabSize * (taught ? 2 : 1)) + (OptimizerTensors * LargestStack(plan));
        return sizeof(float) * numbers;
    }

    /// <summary>Numbers a token that a visit of a layer keeps (the engine's Activations).</summary>
    private static long Visit(ModelRecipe model)
    {
        long width = model.Width,
            heads = model.Heads;
        return (3 * width) + 2 + (5 * heads) + (3 * Packed(model)) + (2L * ParameterTable.HiddenWidth(model));
    }

    /// <summary>Numbers a token besides: the embedded input, the result, value embeddings.</summary>
    private static long Shared(ModelRecipe model) => Room(model) + ((2 + Valued(model)) * (long)model.Width) + 2;

    /// <summary>Numbers a token that blocks use in turn: the product of queries, keys and values, a branch, the MLP within.</summary>
    private static long Room(ModelRecipe model) => (4L * model.Width) + ParameterTable.HiddenWidth(model);

    /// <summary>Numbers a token of gradients on their way, those of skips and value embeddings among them.</summary>
    private static long Slopes(ModelRecipe model) => BlockSlopes(model) + ((3 + Valued(model) + (model.Layers / 2)) * (long)model.Width);

    /// <summary>Numbers a token of gradients within a block.</summary>
    private static long BlockSlopes(ModelRecipe model) =>
        (2L * model.Width) + (2L * ParameterTable.HiddenWidth(model)) + (4 * Packed(model)) + (3L * model.Heads);

    /// <summary>Numbers a token of the multi-token block, which has a room of its own: two inputs, the stream, the result, and gradients
    /// of the last two.</summary>
    private static long Further(ModelRecipe model) => Visit(model) + Room(model) + BlockSlopes(model) + (6L * model.Width) + 2;

    private static int Valued(ModelRecipe model) =>
        Enumerable.Range(0, model.Layers).Count(layer => ParameterTable.HasValueEmbedding(model, layer));

    private static long Packed(ModelRecipe model) => model.Heads * (((model.Width / (long)model.Heads) + Vector - 1) / Vector * Vector);

    /// <summary>Numbers of the largest stack of matrices that is made orthogonal at once.</summary>
    private static long LargestStack(StagePlan plan)
    {
        var groups = ParameterGroups.Of(ParameterTable.Of(plan.Model), plan.Stage.Optimizer);
        return groups.Where(group => group.Kind == OptimizerKind.Muon).Select(UpdateUnits.LargestStack).DefaultIfEmpty().Max();
    }
}
