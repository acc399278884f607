using System.Globalization;
using Slowrun.Core;
using Slowrun.Core.Efficiency;

namespace Slowrun.Client.Display;

/// <summary>The curves of a run's data efficiency in letters: loss over the logarithm of tokens, the run's best model as a line.</summary>
internal static class EfficiencyChart
{
    private const int Width = 64;
    private const int Height = 14;
    private const int LabelWidth = 8;

    public static IReadOnlyList<string> Lines(EfficiencyReport report)
    {
        var drawn = report.Curves.Where(curve => curve.Points.Count > 0).ToList();
        var best = report.Models.MinBy(model => model.LossNats)!;
        var losses = drawn.SelectMany(curve => curve.Points.Select(point => point.LossNats)).Append(best.LossNats).ToList();
        var times = drawn.SelectMany(curve => curve.Points.Select(point => point.Times)).ToList();
        var (low, high, from, to) = (losses.Min(), losses.Max(), Math.Log(times.Min()), Math.Log(times.Max()));
        var canvas = Enumerable.Range(0, Height).Select(_ => Enumerable.Repeat(' ', Width).ToArray()).ToArray();
        Array.Fill(canvas[Row(best.LossNats)], '-');
        foreach (var curve in drawn)
        {
            foreach (var (a, b) in curve.Points.Zip(curve.Points.Skip(1)))
            {
                for (var column = Column(a.Times); column <= Column(b.Times); column++)
                {
                    var way = (double)(column - Column(a.Times)) / Math.Max(1, Column(b.Times) - Column(a.Times));
                    canvas[Row(a.LossNats + (way * (b.LossNats - a.LossNats)))][column] = '.';
                }
            }

            foreach (var point in curve.Points)
            {
                canvas[Row(point.LossNats)][Column(point.Times)] = Mark(curve.Kind);
            }
        }

        var axis = Enumerable.Repeat(' ', Width + LabelWidth).ToArray();
        foreach (var time in times.Distinct().Order())
        {
            var label = time.ToString("0.##", CultureInfo.InvariantCulture) + "x";
            var at = Math.Min(LabelWidth + Column(time), axis.Length - label.Length);
            // Not over the label before.
            if (axis[Math.Max(0, at - 1)] == ' ')
            {
                label.CopyTo(axis.AsSpan(at));
            }
        }

        return
        [
            $"nats/token; {string.Join("; ", drawn.Select(curve => $"{Mark(curve.Kind)} {EfficiencyWords.Name(curve.Kind)}"))}; "
                + $"- {best.Name}",
            .. canvas.Select((row, i) => (Label(i) + new string(row)).TrimEnd()),
            new string(axis).TrimEnd(),
        ];

        int Row(double loss) => high == low ? 0 : (int)Math.Round((high - loss) / (high - low) * (Height - 1));

        int Column(double time) => to == from ? 0 : (int)Math.Round((Math.Log(time) - from) / (to - from) * (Width - 1));

        string Label(int row) =>
            (row is 0 or Height - 1 ? Human.Loss(high - ((high - low) * row / (Height - 1))) : "").PadRight(LabelWidth);
    }

    private static char Mark(BaselineKind kind) => kind == BaselineKind.OnePass ? 'o' : '+';
}
