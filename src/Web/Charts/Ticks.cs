namespace Slowrun.Web.Charts;

/// <summary>Round values along an axis.</summary>
internal static class Ticks
{
    private static readonly double[] Steps = [1, 2, 2.5, 5, 10];
    private static readonly double[] TimeSteps =
    [
        1,
        2,
        5,
        10,
        15,
        30,
        60,
        120,
        300,
        600,
        900,
        1800,
        3600,
        7200,
        10800,
        21600,
        43200,
        86400,
        172800,
        604800,
    ];

    /// <summary>About <paramref name="count"/> of them between two values, both included if they are round.</summary>
    public static IReadOnlyList<double> Between(double low, double high, int count)
    {
        var rough = (high - low) / Math.Max(1, count);
        if (!(rough > 0) || !double.IsFinite(rough))
        {
            return [low];
        }

        var power = Math.Pow(10, Math.Floor(Math.Log10(rough)));
        return Multiples(low, high, Steps.First(step => step * power >= rough * (1 - 1e-9)) * power);
    }

    /// <summary>Seconds that are round on a clock.</summary>
    public static IReadOnlyList<double> BetweenTimes(double low, double high, int count)
    {
        var rough = (high - low) / Math.Max(1, count);
        var step = Array.Find(TimeSteps, step => step >= rough);
        return high > low ? Multiples(low, high, step > 0 ? step : Math.Ceiling(rough / 604800) * 604800) : [low];
    }

    private static IReadOnlyList<double> Multiples(double low, double high, double step)
    {
        var first = Math.Ceiling((low / step) - 1e-9);
        var last = Math.Floor((high / step) + 1e-9);
        return [.. Enumerable.Range(0, (int)(last - first) + 1).Select(i => (first + i) * step)];
    }
}
