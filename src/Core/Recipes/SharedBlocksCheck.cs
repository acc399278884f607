using System.Globalization;

namespace Slowrun.Core.Recipes;

/// <summary>What does not go with shared blocks, and what a depth schedule has to be: the field, and what is wrong with it.</summary>
internal static class SharedBlocksCheck
{
    public static IEnumerable<(string Field, string Message)> OfModel(ModelRecipe model)
    {
        if (model.SharedBlocks is not { } shared)
        {
            yield break;
        }

        if (shared.Attentions < 1 || shared.HiddenMultiple < 1)
        {
            yield return (
                "sharedBlocks",
                Text($"found attentions {shared.Attentions} and hiddenMultiple {shared.HiddenMultiple}, expected at least 1 of each.")
            );
        }

        foreach (
            var (field, isSet) in new[] { ("keyOffset", model.KeyOffset), ("xsa", model.Xsa is not null), ("mtpBlock", model.MtpBlock) }
        )
        {
            if (isSet)
            {
                yield return (field, "found it beside sharedBlocks, expected one of them: shared blocks have no such part.");
            }
        }
    }

    public static IEnumerable<(string Field, string Message)> OfStage(StageRecipe stage, ModelRecipe model)
    {
        if (model.SharedBlocks is not null && stage.Loop is not null)
        {
            yield return (
                "loop",
                "found one beside model.sharedBlocks, expected null: more passes of shared blocks are more model.layers."
            );
        }

        if (stage.Depth is not { Count: > 0 } phases)
        {
            yield break;
        }

        if (model.SharedBlocks is null)
        {
            yield return (
                "depth",
                "found a schedule, expected model.sharedBlocks beside it: layers with weights of their own do not grow."
            );
        }

        if (stage.Continuation is not null)
        {
            yield return ("depth", "found a schedule beside continuation, expected one of them: a continued stage has trained all layers.");
        }

        var (fraction, layers) = (0.0, 0);
        foreach (var phase in phases)
        {
            if (
                !(phase.UntilFraction > fraction && phase.UntilFraction < 1)
                || phase.Layers <= layers
                || phase.Layers % 2 != 0
                || phase.Layers >= model.Layers
            )
            {
                yield return (
                    "depth",
                    Text(
                        $"found {phase.Layers} layers until {phase.UntilFraction} of the steps, expected an even number of layers, more ",
                        $"than {layers} and less than the model's {model.Layers}, and a fraction more than {fraction} and less than 1."
                    )
                );
                yield break;
            }

            (fraction, layers) = (phase.UntilFraction, phase.Layers);
        }

        if (stage.Selection.Rule == SelectionRule.BestValidation)
        {
            yield return (
                "depth",
                "found a schedule beside selection.rule BestValidation, expected another rule: it may keep weights of fewer layers, "
                    + "and finished weights are passed through all."
            );
        }

        // At the very step where they come in, layers are as they were drawn.
        if (fraction >= FirstKept(stage))
        {
            yield return (
                "depth",
                Text(
                    $"found a last phase until {fraction} of the steps, expected less than {FirstKept(stage)}, where selection begins ",
                    $"to keep weights: they are passed through all layers."
                )
            );
        }
    }

    /// <summary>Fraction of the steps before the first weights that are averaged, or kept beside the last.</summary>
    private static double FirstKept(StageRecipe stage)
    {
        var selection = stage.Selection;
        return new[]
        {
            selection.Ema?.FromFraction ?? 1,
            selection.Swa is { } swa ? End(swa.LastEpochs) : 1,
            selection.LateCheckpoints > 1 ? End(selection.LateCheckpoints) : 1,
        }.Min();

        // Of the first of the last data epochs.
        double End(int lastEpochs) => Math.Clamp((Math.Ceiling(stage.Epochs) - lastEpochs + 1) / stage.Epochs, 0, 1);
    }

    private static string Text(params FormattableString[] parts) =>
        string.Concat(parts.Select(part => part.ToString(CultureInfo.InvariantCulture)));
}
