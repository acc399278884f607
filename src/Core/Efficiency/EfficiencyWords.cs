using System.Globalization;

namespace Slowrun.Core.Efficiency;

/// <summary>How data efficiency is told, in a terminal and on the page.</summary>
public static class EfficiencyWords
{
    // More members are told by the best and the worst of them.
    private const int MostMembers = 16;

    public static string Name(BaselineKind kind) => kind == BaselineKind.OnePass ? "one pass" : "many passes";

    /// <summary>The models of a report; of many members the best and the worst, and the ensembles of 2, 4, 8, … and all of them.</summary>
    public static IReadOnlyList<ModelEfficiency> Main(EfficiencyReport report)
    {
        ArgumentNullException.ThrowIfNull(report);
        var members = report.Models.Where(model => model.Members == 1).ToList();
        if (members.Count <= MostMembers)
        {
            return report.Models;
        }

        var (best, worst) = (members.MinBy(model => model.LossNats)!, members.MaxBy(model => model.LossNats)!);
        return
        [
            best with
            {
                Name = $"best member, {best.Name}",
            },
            worst with
            {
                Name = $"worst member, {worst.Name}",
            },
            .. report.Models.Where(model =>
                model.Members is not 1 && (model.Members is not { } of || int.IsPow2(of) || of == members.Count)
            ),
        ];
    }

    /// <summary>For example <c>3.41x</c>.</summary>
    public static string Times(double times) => times.ToString(times < 10 ? "0.00" : "0.0", CultureInfo.InvariantCulture) + "x";

    /// <summary>For example <c>3.10x to 3.60x</c>; null: there is no interval.</summary>
    public static string? Interval(FactorInterval? interval) =>
        interval is null ? null
        : interval.Low == interval.High ? $"{interval.Low}"
        : $"{interval.Low} to {interval.High}";
}
