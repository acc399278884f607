using System.Globalization;
using Slowrun.Core.Tokens;

namespace Slowrun.Grains.Members;

/// <summary>Checks the input and output of scoring: at least one target that stands for text, and finite losses.</summary>
internal static class JudgingCheck
{
    private const string OtherData =
        "It needs other data: `slowrun data show` looks at a set, `slowrun data prepare` makes one; then submit the run under another name.";

    private const string OtherRecipe =
        "The model has diverged, and a retry cannot help. Submit it under another name with a lower learning rate or stronger clipping (--set stage.optimizer.…, --set stage.clipNorm=…).";

    /// <exception cref="UnjudgeableException">Nothing can be scored on the set.</exception>
    public static void Set(string name, TokenSet set)
    {
        if (set.Length < 2)
        {
            throw new UnjudgeableException(
                Invariant(
                    $"The {name} set has {set.Length} {(set.Length == 1 ? "token" : "tokens")}; a loss needs at least 2, of which the second is the first target."
                ),
                OtherData
            );
        }

        if (TargetBytes.Of(set).All(bytes => bytes == 0))
        {
            throw new UnjudgeableException(
                Invariant(
                    $"None of the {set.Length - 1} targets of the {name} set stands for a byte of text, so there is no loss per byte."
                ),
                OtherData
            );
        }
    }

    /// <exception cref="UnjudgeableException">A probability is not finite.</exception>
    public static void Probabilities(string what, string name, ReadOnlySpan<float> p)
    {
        var (bad, first) = (0, 0);
        for (var i = p.Length - 1; i >= 0; i--)
        {
            if (!float.IsFinite(p[i]))
            {
                bad++;
                first = i;
            }
        }

        if (bad > 0)
        {
            throw new UnjudgeableException(
                Invariant(
                    $"The {name} loss of {what} is not finite: the probability of {bad} of its {p.Length} targets is {p[first]} (first at target {first})."
                ),
                OtherRecipe
            );
        }
    }

    private static string Invariant(FormattableString text) => text.ToString(CultureInfo.InvariantCulture);
}
