using Slowrun.Core.Tokens;

namespace Slowrun.Core.Order;

/// <summary>Splits a fitness set off a training set: whole documents from the front, until the budget is reached.</summary>
public static class FitnessCarve
{
    /// <param name="budget">Tokens; what is carved has at least as many, if the set has.</param>
    /// <returns>How many documents, and how many tokens they have.</returns>
    public static (int Documents, long Tokens) Of(TokenSet tokens, long budget)
    {
        ArgumentNullException.ThrowIfNull(tokens);
        var starts = tokens.DocumentStarts;
        var documents = 0;
        long carved = 0;
        while (documents < starts.Count && carved < budget)
        {
            documents++;
            carved = documents < starts.Count ? starts[documents] : tokens.Length;
        }

        return (documents, carved);
    }
}
