using System.Globalization;
using Slowrun.Core.Efficiency;
using Slowrun.Core.Plan;
using Slowrun.Core.Recipes;
using Slowrun.Core.Tokens;

namespace Slowrun.Client.Display;

/// <summary>What a reader of the demo's figures should know about them.</summary>
internal static class DemoNotes
{
    /// <summary>The ensemble's data efficiency, where curves were measured of this recipe and data.</summary>
    /// <param name="lossNats">The ensemble's, on validation; null: there is none.</param>
    /// <param name="among">Curves that are known.</param>
    /// <returns>Null: none was measured.</returns>
    public static string? Efficiency(RunSpec spec, double? lossNats, IEnumerable<CachedCurves> among)
    {
        if (lossNats is not { } loss || CachedCurves.For(spec.Recipe, among) is not { } curves)
        {
            return null;
        }

        var factors = curves.FactorsOf(loss).Select(one => $"{one.Factor} the text with {EfficiencyWords.Name(one.Kind)}");
        return $"Data efficiency: for the ensemble's loss an ordinary training needs {string.Join(", ", factors)} "
            + $"(by a curve that comes with the program; 'slowrun efficiency {spec.Name}' trains it, and has intervals).";
    }

    public static IEnumerable<string> Of(RunPlan plan, DataManifest data)
    {
        yield return "";
        if (plan.Stages.FirstOrDefault(stage => stage.Role == ChainRole.Baseline) is { Stage: var baseline })
        {
            yield return string.Create(
                CultureInfo.InvariantCulture,
                $"Baseline: the same model, text and dropout, no distillation, no loop, weight decay "
                    + $"{baseline.Optimizer.WeightDecay}, {baseline.Epochs} passes; kept at its best validation loss,"
            );
            yield return "which favours it: members are kept as they end.";
        }

        yield return "What carries the effect at this size: many passes with dropout by far the most, then the ensemble. "
            + "Distillation and the loop show the mechanism; measured here,";
        yield return "they change a member's loss by next to nothing. Their gain appears at upstream's scale (1.8 B parameters), not here.";
        yield return "Passes, weight decay and learning rate were chosen on this kind of validation set, as upstream does, for "
            + "members and baseline alike.";
        yield return string.Create(
            CultureInfo.InvariantCulture,
            $"Text: {data.Source}; overlap left {100 * data.ValidationOverlap:0.00} %."
        );
    }
}
