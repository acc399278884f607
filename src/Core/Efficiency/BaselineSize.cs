using System.Globalization;
using Slowrun.Core.Recipes;

namespace Slowrun.Core.Efficiency;

/// <summary>A size that baselines are trained in, beside what else the run's model is.</summary>
public sealed record BaselineSize(int Layers, int Width)
{
    // Upstream's d12, d20 and d26 are to d20 as these are to the run's own model.
    private static readonly double[] Ratios = [0.6, 1, 1.3];

    /// <summary>Three sizes about the run's own: with its head dimension, layers even.</summary>
    public static IReadOnlyList<BaselineSize> About(ModelRecipe model)
    {
        ArgumentNullException.ThrowIfNull(model);
        var head = model.Width / model.Heads;
        var fewestHeads = (Models.ParameterTable.ValueGateChannels + head - 1) / head;
        return
        [
            .. Ratios
                .Select(ratio =>
                    ratio == 1
                        ? Own(model)
                        : new BaselineSize(
                            Math.Max(2, 2 * (int)Math.Round(model.Layers * ratio / 2, MidpointRounding.AwayFromZero)),
                            head * Math.Max(fewestHeads, (int)Math.Round(model.Heads * ratio, MidpointRounding.AwayFromZero))
                        )
                )
                .Distinct(),
        ];
    }

    public static BaselineSize Own(ModelRecipe model)
    {
        ArgumentNullException.ThrowIfNull(model);
        return new BaselineSize(model.Layers, model.Width);
    }

    /// <summary>The run's model in this size, its heads as wide as before.</summary>
    /// <exception cref="InvalidRequestException">The width is no multiple of the head dimension.</exception>
    public ModelRecipe Of(ModelRecipe model)
    {
        ArgumentNullException.ThrowIfNull(model);
        var head = model.Width / model.Heads;
        return Width % head == 0
            ? model with
            {
                Layers = Layers,
                Width = Width,
                Heads = Width / head,
                // An ordinary model.
                SharedBlocks = null,
                // Trained for its own sake alone.
                MtpBlock = false,
                Xsa = model.Xsa is { FirstLayers: { } first } xsa && first > Layers ? xsa with { FirstLayers = Layers } : model.Xsa,
            }
            : throw new InvalidRequestException(
                $"A baseline of size {this} has no whole heads: the model's are {head} wide. Give a width that is a multiple of {head}."
            );
    }

    /// <summary>Reads what <see cref="ToString"/> writes.</summary>
    public static BaselineSize? TryParse(string text)
    {
        ArgumentNullException.ThrowIfNull(text);
        return
            text.Split('x') is [var layers, var width]
            && int.TryParse(layers, NumberStyles.None, CultureInfo.InvariantCulture, out var l)
            && int.TryParse(width, NumberStyles.None, CultureInfo.InvariantCulture, out var w)
            && l >= 2
            && l % 2 == 0
            && w >= Models.ParameterTable.ValueGateChannels
            ? new BaselineSize(l, w)
            : null;
    }

    /// <summary>For example <c>6x64</c>: layers and width.</summary>
    public override string ToString() => string.Create(CultureInfo.InvariantCulture, $"{Layers}x{Width}");
}
