using System.ComponentModel.DataAnnotations;
using System.Globalization;

namespace Slowrun.Core.Specs;

/// <summary>The range that a record's property declares, for checks and for messages.</summary>
internal static class SpecRange
{
    public static bool Holds(RangeAttribute range, double value) =>
        (range.MinimumIsExclusive ? value > Minimum(range) : value >= Minimum(range))
        && (range.MaximumIsExclusive ? value < Maximum(range) : value <= Maximum(range));

    public static double Minimum(RangeAttribute range) => Convert.ToDouble(range.Minimum, CultureInfo.InvariantCulture);

    public static double Maximum(RangeAttribute range) => Convert.ToDouble(range.Maximum, CultureInfo.InvariantCulture);

    /// <summary>Whether nothing but the number's own type bounds it from above.</summary>
    public static bool IsOpen(RangeAttribute range) => Maximum(range) is double.PositiveInfinity or int.MaxValue;

    /// <summary>For example <c>0 up to but not including 1</c>; with the reason, if one was given.</summary>
    public static string Text(RangeAttribute range)
    {
        var (least, most) = (Number(Minimum(range)), Number(Maximum(range)));
        var text = IsOpen(range)
            ? range.MinimumIsExclusive
                ? $"a number above {least}"
                : $"at least {least}"
            : (range.MinimumIsExclusive ? $"above {least}" : least)
                + (range.MaximumIsExclusive ? $" up to but not including {most}" : $" to {most}");
        return range.ErrorMessage is { } reason ? $"{text}: {reason}" : text;
    }

    private static string Number(double number) => number.ToString("0.##", CultureInfo.InvariantCulture);
}
