using System.Globalization;
using Slowrun.Core.Plan;
using Slowrun.Core.Recipes;
using Slowrun.Core.Tokens;

namespace Slowrun.Client.Display;

/// <summary>What a reader of the demo's figures should know about them.</summary>
internal static class DemoNotes
{
    public static IEnumerable<string> Of(RunPlan plan, DataManifest data)
    {
        yield return "";
        if (plan.Stages.FirstOrDefault(stage => stage.Role == ChainRole.Baseline) is { Stage: var baseline })
        {
            yield return string.Create(
                CultureInfo.InvariantCulture,
                $"Baseline: the same model, text and dropout, no distillation, no loop, weight decay {baseline.Optimizer.WeightDecay}, {baseline.Epochs} passes; kept at its best validation loss,"
            );
            yield return "which favours it: members are kept as they end.";
        }

        yield return "What carries the effect at this size: many passes with dropout by far the most, then the ensemble. Distillation and the loop show the mechanism; measured here,";
        yield return "they change a member's loss by next to nothing. Their gain appears at upstream's scale (1.8 B parameters), not here.";
        yield return "Passes, weight decay and learning rate were chosen on this kind of validation set, as upstream does, for members and baseline alike.";
        yield return string.Create(
            CultureInfo.InvariantCulture,
            $"Text: {data.Source}; overlap left {100 * data.ValidationOverlap:0.00} %."
        );
    }
}
