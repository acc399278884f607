using System.Globalization;
using System.Numerics;

namespace Slowrun.Core.Recipes;

/// <summary>Says what is wrong with a stage recipe before anything is trained.</summary>
public static class StageCheck
{
    /// <summary>One sentence a problem, beginning with the field; empty for a stage that can be trained.</summary>
    public static IEnumerable<string> Problems(StageRecipe stage, ModelRecipe model)
    {
        ArgumentNullException.ThrowIfNull(stage);
        ArgumentNullException.ThrowIfNull(model);
        var microBatch = (long)stage.DeviceRows * model.SequenceLength;
        if (stage.DeviceRows < 1)
        {
            yield return Text($"stage.deviceRows is {stage.DeviceRows}, expected at least 1.");
        }
        else if (stage.BatchTokens < microBatch || stage.BatchTokens % microBatch != 0)
        {
            yield return Text(
                $"stage.batchTokens is {stage.BatchTokens}, expected a multiple of {microBatch} (deviceRows ",
                $"{stage.DeviceRows} times sequenceLength {model.SequenceLength})."
            );
        }

        if (stage.Lanes < 1 || !BitOperations.IsPow2(stage.Lanes))
        {
            yield return Text($"stage.lanes is {stage.Lanes}, expected a power of two.");
        }

        if (!(stage.Epochs > 0) || !double.IsFinite(stage.Epochs))
        {
            yield return Text($"stage.epochs is {stage.Epochs}, expected a positive number.");
        }

        foreach (
            var (field, value) in new[]
            {
                ("dropout", stage.Dropout),
                ("dropoutSchedule.end", stage.DropoutSchedule?.End ?? 0),
                ("stochasticDepth", stage.StochasticDepth),
                ("labelSmoothing", stage.LabelSmoothing),
            }
        )
        {
            if (!(value >= 0 && value < 1))
            {
                yield return Text($"stage.{field} is {value}, expected 0 or more and less than 1.");
            }
        }

        if (!(stage.ClipNorm >= 0))
        {
            yield return Text($"stage.clipNorm is {stage.ClipNorm}, expected a positive number, or 0 to clip nothing.");
        }

        foreach (var problem in Passes(stage, model).Concat(Teaching(stage)).Concat(Kept(stage.Selection)))
        {
            yield return problem;
        }
    }

    private static IEnumerable<string> Passes(StageRecipe stage, ModelRecipe model)
    {
        if (stage.Loop is { } loop)
        {
            if (loop.Start < model.Layers / 2 || loop.End <= loop.Start || loop.End > model.Layers)
            {
                yield return Text(
                    $"stage.loop is layers {loop.Start} to {loop.End}, expected {model.Layers / 2} <= start < end <= ",
                    $"{model.Layers}: only the second half of the layers can be looped."
                );
            }

            if (loop.Replays < 0)
            {
                yield return Text($"stage.loop.replays is {loop.Replays}, expected 0 or more.");
            }
        }

        foreach (var (field, message) in SharedBlocksCheck.OfStage(stage, model))
        {
            yield return $"stage.{field}: {message}";
        }

        if (stage.Recurrence is { Passes: < 1 } recurrence)
        {
            yield return Text($"stage.recurrence.passes is {recurrence.Passes}, expected at least 1.");
        }

        foreach (var (phase, before) in stage.Windows.Zip(stage.Windows.Prepend(new WindowPhase(0, 1, 1))))
        {
            if (phase.UntilEpoch <= before.UntilEpoch || phase.ShortWindow < 1 || phase.LongWindow < phase.ShortWindow)
            {
                yield return Text($"stage.windows has {phase}, expected a later epoch than {before.UntilEpoch} and 1 <= short <= long.");
            }
        }
    }

    private static IEnumerable<string> Teaching(StageRecipe stage)
    {
        if (stage.Distillation is not { } teaching)
        {
            yield break;
        }

        if (!(teaching.Alpha is >= 0 and <= 1))
        {
            yield return Text($"stage.distillation.alpha is {teaching.Alpha}, expected 0 to 1.");
        }

        if (!(teaching.Temperature > 0))
        {
            yield return Text($"stage.distillation.temperature is {teaching.Temperature}, expected a positive number.");
        }
    }

    private static IEnumerable<string> Kept(SelectionRecipe selection)
    {
        if (selection.Rule is SelectionRule.Averaged or SelectionRule.BestFitness && selection is { Ema: null, Swa: null })
        {
            yield return $"stage.selection.rule is {selection.Rule}, expected ema or swa beside it: nothing is averaged.";
        }

        if (selection.Ema is { Every: < 1 } ema)
        {
            yield return Text($"stage.selection.ema.every is {ema.Every}, expected at least 1.");
        }

        if (selection.Swa is { LastEpochs: < 1 } swa)
        {
            yield return Text($"stage.selection.swa.lastEpochs is {swa.LastEpochs}, expected at least 1.");
        }

        if (selection.LateCheckpoints < 1 || (selection.LateCheckpoints > 1 && selection.Rule != SelectionRule.Final))
        {
            yield return Text(
                $"stage.selection.lateCheckpoints is {selection.LateCheckpoints} with rule {selection.Rule}, expected ",
                $"1, or more with rule Final."
            );
        }
    }

    private static string Text(params FormattableString[] parts) =>
        string.Concat(parts.Select(part => part.ToString(CultureInfo.InvariantCulture)));
}
