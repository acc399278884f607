using System.Globalization;

namespace Slowrun.Core.Recipes;

/// <summary>Says what is wrong with a model recipe before a tensor is made.</summary>
public static class ModelCheck
{
    /// <summary>One sentence a problem, beginning with the field; empty for a model that can be built.</summary>
    public static IEnumerable<string> Problems(ModelRecipe model)
    {
        ArgumentNullException.ThrowIfNull(model);
        foreach (
            var (field, value, least) in new[]
            {
                ("vocabSize", model.VocabSize, 2),
                ("padVocabTo", model.PadVocabTo, 1),
                ("sequenceLength", model.SequenceLength, 2),
                ("layers", model.Layers, 2),
                ("heads", model.Heads, 1),
                ("shortWindow", model.ShortWindow ?? 1, 1),
                ("longWindow", model.LongWindow ?? 1, 1),
            }
        )
        {
            if (value < least)
            {
                yield return Text($"model.{field} is {value}, expected at least {least}.");
            }
        }

        if (model.Layers % 2 != 0)
        {
            yield return Text(
                $"model.layers is {model.Layers}, expected an even number: layer i of the first half is joined to ",
                $"layer {model.Layers - 1} - i of the second."
            );
        }

        if (model.Width < Models.ParameterTable.ValueGateChannels)
        {
            yield return Text(
                $"model.width is {model.Width}, expected at least {Models.ParameterTable.ValueGateChannels}: the value ",
                $"gates read that many channels."
            );
        }

        var headMultiple = model.HalfRope ? 4 : 2;
        if (model.Heads >= 1 && model.Width % (headMultiple * model.Heads) != 0)
        {
            yield return Text(
                $"model.width is {model.Width}, expected a multiple of {headMultiple * model.Heads} ({model.Heads} ",
                $"heads with a head dimension divisible by {headMultiple})."
            );
        }

        if (model.WindowPattern.Length == 0 || model.WindowPattern.Any(letter => letter is not ('S' or 'L')))
        {
            yield return $"model.windowPattern is '{model.WindowPattern}', expected letters S (short) and L (long).";
        }

        if (!(model.Softcap > 0) || !double.IsFinite(model.Softcap))
        {
            yield return Text($"model.softcap is {model.Softcap}, expected a positive number.");
        }

        if (model.Yarn is { } yarn)
        {
            var windows = YarnRecipe.AllWindows(model);
            if (windows.Count < 2 || windows[0] < 1 || windows.Zip(windows.Skip(1)).Any(pair => pair.First >= pair.Second))
            {
                yield return Text(
                    $"model.yarn.longWindows are {string.Join(", ", yarn.LongWindows)}, expected ascending ones below the ",
                    $"model's long window, {windows[^1]}."
                );
            }

            if (!(yarn.Beta > yarn.Alpha))
            {
                yield return Text($"model.yarn.beta is {yarn.Beta}, expected more than alpha, {yarn.Alpha}.");
            }
        }

        foreach (var (field, message) in SharedBlocksCheck.OfModel(model))
        {
            yield return $"model.{field}: {message}";
        }

        if (model.Xsa?.FirstLayers is < 1)
        {
            yield return Text($"model.xsa.firstLayers is {model.Xsa.FirstLayers}, expected at least 1, or null for all layers.");
        }
    }

    private static string Text(params FormattableString[] parts) =>
        string.Concat(parts.Select(part => part.ToString(CultureInfo.InvariantCulture)));
}
