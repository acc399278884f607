namespace Slowrun.Core.Recipes;

/// <summary>How an exponential moving average of weights begins.</summary>
public enum EmaForm
{
    /// <summary>With the first weights it is given (record 9).</summary>
    FromFirstWeights,

    /// <summary>With 0, and divided by 1 - decay^n in the end (the 15-minute track).</summary>
    FromZero,
}
