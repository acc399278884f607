namespace Slowrun.Core.Efficiency;

/// <summary>How many times the data a baseline needs for a loss, in units of the run's own training tokens.</summary>
/// <param name="Times">The factor; where it lies beyond the curve, the curve's end.</param>
public sealed record DataFactor(double Times, FactorKind Kind) : ExtensibleRecord
{
    /// <summary>By which factors are ordered: what lies beyond the curve's ends is less, or more, than all on it.</summary>
    internal double Rank =>
        Kind switch
        {
            FactorKind.Below => double.NegativeInfinity,
            FactorKind.AtLeast => double.PositiveInfinity,
            _ => Times,
        };

    /// <summary>For people: <c>3.41x</c>, <c>&gt;= 8.00x</c>, <c>&lt; 1.00x</c>.</summary>
    public override string ToString() =>
        Kind switch
        {
            FactorKind.Below => $"< {EfficiencyWords.Times(Times)}",
            FactorKind.AtLeast => $">= {EfficiencyWords.Times(Times)}",
            _ => EfficiencyWords.Times(Times),
        };
}

public enum FactorKind
{
    /// <summary>The curve passes the loss.</summary>
    Read,

    /// <summary>The curve's first point is better already.</summary>
    Below,

    /// <summary>The curve ends before it reaches the loss.</summary>
    AtLeast,
}
