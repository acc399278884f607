using System.Globalization;
using Slowrun.Core.Plan;
using Slowrun.Reading.Events;

namespace Slowrun.Web.Charts;

/// <summary>Stages over machines: a machine has as many lanes as stages were on it at once, and a bar goes from a take to its
/// end.</summary>
public sealed record TimelineChart(string Id, Timeline Timeline, DateTimeOffset Now)
{
    private const int Width = 860,
        Right = 14,
        Top = 4,
        Bottom = 32,
        Head = 24,
        Lane = 26,
        Letter = 7,
        Left = 14,
        LongestName = 50;

    // A run on spot machines of fresh names may have had hundreds; the table has them all.
    public const int MostRows = 60;

    public IReadOnlyList<string> Silos { get; } =
    [.. Timeline.Spans.OrderByDescending(span => span.From).Select(span => span.Silo).Distinct().Take(MostRows).Reverse()];

    public string ToSvg()
    {
        var heads = new Dictionary<string, int>(StringComparer.Ordinal);
        var bars = new List<(TimelineSpan Span, int Y)>();
        var bottom = Top;
        foreach (var silo in Silos)
        {
            var lanes = TimelineLanes.Of(Timeline.Spans.Where(span => span.Silo == silo));
            heads[silo] = bottom;
            bars.AddRange(lanes.Select(placed => (placed.Span, bottom + Head + (placed.Lane * Lane))));
            bottom += Head + ((lanes.Max(placed => placed.Lane) + 1) * Lane);
        }

        var from = bars.Count == 0 ? Now.AddMinutes(-1) : bars.Min(bar => bar.Span.From);
        var to = bars.Count == 0 ? Now : bars.Max(bar => bar.Span.To ?? Now);
        to = to - from < TimeSpan.FromSeconds(1) ? from.AddSeconds(1) : to;
        var height = bottom + Bottom;
        double X(DateTimeOffset at) => Left + (Math.Clamp((at - from) / (to - from), 0, 1) * (Width - Left - Right));

        var svg = new SvgText();
        var losses = bars.Count(bar => bar.Span.End == TimelineEnd.Lost);
        svg.Open(
            Id,
            Width,
            height,
            "Stages over machines",
            FormattableString.Invariant(
                $"{bars.Count} times a stage was on one of {Silos.Count} machines; {losses} of them ended with the loss of the machine. The table below has each."
            ),
            ""
        );
        var nth = 0;
        foreach (var second in Ticks.BetweenTimes(from.ToUnixTimeMilliseconds() / 1000.0, to.ToUnixTimeMilliseconds() / 1000.0, 6))
        {
            var at = DateTimeOffset.FromUnixTimeMilliseconds((long)(second * 1000));
            svg.GridLine(X(at), Top, X(at), bottom);
            // The name of a moment is as wide as its part of a picture for a phone.
            svg.Tick(
                Math.Clamp(X(at), Left + 30, Width - Right - 30),
                height - 8,
                nth++,
                at.UtcDateTime.ToString(to - from > TimeSpan.FromDays(1) ? "MM-dd HH:mm" : "HH:mm:ss", CultureInfo.InvariantCulture)
            );
        }

        foreach (var (silo, y) in heads)
        {
            svg.Text(Left, y + 19, "start", silo.Length > LongestName ? silo[..(LongestName - 1)] + "…" : silo);
        }

        foreach (var (span, y) in bars)
        {
            Bar(svg, span, y, X(span.From), X(span.To ?? to));
        }

        foreach (var mark in Timeline.Marks.Where(mark => heads.ContainsKey(mark.Silo) && mark.At >= from && mark.At <= to))
        {
            var (x, y) = (X(mark.At), heads[mark.Silo] + Head);
            svg.Add(
                $"""<path class="notice" d="M{SvgText.Number(x)} {y + 2}l5 -2l-5 -2v26" stroke="#b00020" fill="#b00020"><title>{SvgText.Escaped($"{mark.Kind}: {mark.Message}")}</title></path>"""
            );
        }

        return svg.Close();
    }

    private static void Bar(SvgText svg, TimelineSpan span, int y, double x1, double x2)
    {
        var chain = StageId.TryParse(span.Stage, out var id) ? id.Chain : 0;
        var colour = chain % SvgText.Colours.Length;
        var width = Math.Max(1.5, x2 - x1);
        var title = SvgText.Escaped($"{span.Stage} on {span.Silo}{(span.Why is null ? "" : $": {span.Why}")}");
        svg.Add(
            $"""<g class="bar s{colour}"><title>{title}</title><rect x="{SvgText.Number(x1)}" y="{y + 3}" width="{SvgText.Number(width)}" height="{Lane - 6}" rx="2" fill="{SvgText.Colours[colour]}" fill-opacity="0.35" stroke="{SvgText.Colours[colour]}"/>"""
        );
        if (width > (span.Stage.Length * Letter) + 4)
        {
            svg.Text(x1 + 5, y + 17, "start", span.Stage);
        }

        svg.Add($"</g>");
        if (span.End is TimelineEnd.Lost or TimelineEnd.Error)
        {
            // A cross, not a colour alone.
            svg.Add(
                $"""<path class="loss" d="M{SvgText.Number(x1 + width - 5)} {y + 8}l10 10m0 -10l-10 10" stroke="#b00020" stroke-width="2.5"><title>{title}</title></path>"""
            );
        }
    }
}
