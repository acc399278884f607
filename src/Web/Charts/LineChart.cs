using System.Globalization;
using System.Text;

namespace Slowrun.Web.Charts;

/// <summary>A curve of a chart.</summary>
/// <param name="Colour">Those of one chain share it.</param>
public sealed record Series(string Name, int Colour, IReadOnlyList<(double X, double Y)> Points)
{
    /// <summary>A mark at each point, and no line.</summary>
    public bool Dots { get; init; }

    public bool Dashed { get; init; }

    /// <summary>Tells the curves of one colour apart.</summary>
    public double Opacity { get; init; } = 1;
}

/// <summary>Curves over an axis of whole numbers, as SVG.</summary>
public sealed record LineChart(string Id, string Title, string XLabel, string YLabel, IReadOnlyList<Series> Series)
{
    private const int Width = 860,
        Height = 360,
        Left = 68,
        Right = 14,
        Top = 32,
        Bottom = 56;

    /// <summary>What of the x axis is shown; null: all.</summary>
    public (double From, double To)? Window { get; init; }

    /// <summary>The curves can be drawn again with more detail of a part.</summary>
    public bool Zooms { get; init; }

    public bool IsEmpty => Series.All(series => series.Points.Count == 0);

    public string ToSvg()
    {
        var points = Series.SelectMany(series => series.Points).ToList();
        var (x0, x1) = Window ?? (points.Count == 0 ? (0, 1) : Widened(points.Min(point => point.X), points.Max(point => point.X), 0));
        var (y0, y1) = points.Count == 0 ? (0, 1) : Widened(points.Min(point => point.Y), points.Max(point => point.Y), 0.04);
        double X(double x) => Left + ((x - x0) / (x1 - x0) * (Width - Left - Right));
        double Y(double y) => Height - Bottom - ((y - y0) / (y1 - y0) * (Height - Top - Bottom));

        var svg = new SvgText();
        var data = string.Create(
            CultureInfo.InvariantCulture,
            $"""data-box="{Left} {Top} {Width - Right} {Height - Bottom}" data-x="{x0:R} {x1:R}" data-y="{y0:R} {y1:R}" data-zooms="{(Zooms ? "yes" : "no")}" data-unit="{SvgText.Escaped(XLabel)}" """
        );
        svg.Open(Id, Width, Height, Title, Description(points), data);
        foreach (var tick in Ticks.Between(y0, y1, 6))
        {
            svg.GridLine(Left, Y(tick), Width - Right, Y(tick));
            svg.Text(Left - 6, Y(tick) + 4, "end", tick.ToString("0.####", CultureInfo.InvariantCulture));
        }

        var nth = 0;
        foreach (var tick in Ticks.Between(x0, x1, 8).Where(tick => tick == Math.Floor(tick)))
        {
            svg.GridLine(X(tick), Height - Bottom, X(tick), Height - Bottom + 5);
            svg.Tick(X(tick), Height - Bottom + 22, nth++, tick.ToString("#,0", CultureInfo.InvariantCulture));
        }

        svg.Text((Left + Width - Right) / 2.0, Height - 6, "middle", XLabel);
        svg.Text(4, 20, "start", YLabel);
        foreach (var series in Series.Where(series => series.Points.Count > 0))
        {
            Draw(svg, series, X, Y);
        }

        return svg.Close();
    }

    private static void Draw(SvgText svg, Series series, Func<double, double> x, Func<double, double> y)
    {
        var colour = series.Colour % SvgText.Colours.Length;
        var ink = SvgText.Colours[colour];
        svg.Add($"""<g class="series s{colour}" data-name="{SvgText.Escaped(series.Name)}" opacity="{SvgText.Number(series.Opacity)}">""");
        if (!series.Dots || series.Points.Count > 1)
        {
            var path = new StringBuilder();
            foreach (var point in series.Points)
            {
                path.Append(path.Length == 0 ? 'M' : 'L').Append(SvgText.Number(x(point.X))).Append(' ').Append(SvgText.Number(y(point.Y)));
            }

            svg.Add(
                $"""<path d="{path}" fill="none" stroke="{ink}" stroke-width="1.5" {(series.Dashed ? "stroke-dasharray=\"5 4\"" : "")}/>"""
            );
        }

        if (series.Dots)
        {
            foreach (var point in series.Points)
            {
                svg.Add($"""<circle cx="{SvgText.Number(x(point.X))}" cy="{SvgText.Number(y(point.Y))}" r="3.5" fill="{ink}"/>""");
            }
        }

        svg.Add($"</g>");
    }

    private string Description(List<(double X, double Y)> points) =>
        points.Count == 0
            ? "There is nothing to draw yet."
            : string.Create(
                CultureInfo.InvariantCulture,
                $"{Series.Count(series => series.Points.Count > 0)} curves of {YLabel} over {XLabel}, between {points.Min(point => point.Y):0.0000} and {points.Max(point => point.Y):0.0000}. The table below has the figures."
            );

    /// <summary>A range of no width cannot be drawn.</summary>
    private static (double Low, double High) Widened(double low, double high, double share)
    {
        var margin = high > low ? (high - low) * share : Math.Max(Math.Abs(high) * 0.05, 0.5);
        return (low - margin, high + margin);
    }
}
