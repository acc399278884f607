using System.Globalization;

namespace Slowrun.Core.Efficiency;

/// <summary>How data efficiency is told, in a terminal and on the page.</summary>
public static class EfficiencyWords
{
    public static string Name(BaselineKind kind) => kind == BaselineKind.OnePass ? "one pass" : "many passes";

    /// <summary>For example <c>3.41x</c>.</summary>
    public static string Times(double times) => times.ToString(times < 10 ? "0.00" : "0.0", CultureInfo.InvariantCulture) + "x";

    /// <summary>For example <c>3.10x to 3.60x</c>; null: there is no interval.</summary>
    public static string? Interval(FactorInterval? interval) =>
        interval is null ? null
        : interval.Low == interval.High ? $"{interval.Low}"
        : $"{interval.Low} to {interval.High}";
}
