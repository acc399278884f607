using Slowrun.Core.Recipes;

namespace Slowrun.Core.Models;

/// <summary>By how much each pair of a head's channels turns from one token to the next (arXiv:2104.09864), and what YaRN makes of
/// it.</summary>
public static class RotaryFrequencies
{
    public const float Base = 10_000;

    /// <summary>Pairs of a head that turn; the others stand still.</summary>
    public static int Turning(ModelRecipe model)
    {
        ArgumentNullException.ThrowIfNull(model);
        var width = model.Width / model.Heads;
        return model.HalfRope ? width / 4 : width / 2;
    }

    /// <summary>[d/2], in radians a token, in float32 as upstream's.</summary>
    /// <param name="longWindow">The long window of now: those before it, and it, have been grown to.</param>
    public static float[] Of(ModelRecipe model, int longWindow)
    {
        var turning = Turning(model);
        var frequencies = new float[model.Width / model.Heads / 2];
        for (var j = 0; j < turning; j++)
        {
            frequencies[j] = 1 / MathF.Pow(Base, 2 * j / (2f * turning));
        }

        foreach (var (from, to) in Growths(model, longWindow))
        {
            Stretch(frequencies, from, to, model.Yarn!);
        }

        return frequencies;
    }

    /// <summary>What attention's scores are multiplied by, beside 1/√d.</summary>
    public static double ScoreScale(ModelRecipe model, int longWindow) =>
        Growths(model, longWindow).Aggregate(1.0, (scale, growth) => scale * ((0.2 * Math.Log((double)growth.To / growth.From)) + 1));

    private static IEnumerable<(int From, int To)> Growths(ModelRecipe model, int longWindow)
    {
        ArgumentNullException.ThrowIfNull(model);
        var windows = YarnRecipe.AllWindows(model);
        return windows.Zip(windows.Skip(1)).Where(growth => growth.Second <= longWindow);
    }

    // Every operation is rounded to float32, as upstream's tensors are.
    private static void Stretch(float[] frequencies, int from, int to, YarnRecipe yarn)
    {
        var (alpha, range) = ((float)yarn.Alpha, (float)(yarn.Beta - yarn.Alpha));
        var factor = (double)from / to;
        for (var j = 0; j < frequencies.Length; j++)
        {
            var rotations = from * frequencies[j] / (float)(2 * Math.PI);
            var kept = Math.Clamp((rotations - alpha) / range, 0, 1);
            frequencies[j] *= (float)factor + (kept * (float)(1 - factor));
        }
    }
}
