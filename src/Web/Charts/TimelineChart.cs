using System.Globalization;
using Slowrun.Core.Plan;
using Slowrun.Reading.Events;

namespace Slowrun.Web.Charts;

/// <summary>Stages over machines: a row a silo, a bar from a take to its end.</summary>
public sealed record TimelineChart(string Id, Timeline Timeline, DateTimeOffset Now)
{
    private const int Width = 860,
        Right = 14,
        Top = 8,
        Bottom = 26,
        Row = 26,
        Letter = 7,
        Left = 190;

    // A run on spot machines of fresh names may have had hundreds; the table has them all.
    public const int MostRows = 60;

    public IReadOnlyList<string> Silos { get; } =
    [.. Timeline.Spans.OrderByDescending(span => span.From).Select(span => span.Silo).Distinct().Take(MostRows).Reverse()];

    public string ToSvg()
    {
        var rows = Silos.Select((silo, row) => KeyValuePair.Create(silo, row)).ToDictionary(StringComparer.Ordinal);
        var spans = Timeline.Spans.Where(span => rows.ContainsKey(span.Silo)).ToList();
        var from = spans.Count == 0 ? Now.AddMinutes(-1) : spans.Min(span => span.From);
        var to = spans.Count == 0 ? Now : spans.Max(span => span.To ?? Now);
        to = to - from < TimeSpan.FromSeconds(1) ? from.AddSeconds(1) : to;
        var height = Top + Bottom + (Math.Max(1, Silos.Count) * Row);
        double X(DateTimeOffset at) => Left + (Math.Clamp((at - from) / (to - from), 0, 1) * (Width - Left - Right));

        var svg = new SvgText();
        var losses = spans.Count(span => span.End == TimelineEnd.Lost);
        svg.Open(
            Id,
            Width,
            height,
            "Stages over machines",
            FormattableString.Invariant(
                $"{spans.Count} times a stage was on one of {Silos.Count} machines; {losses} of them ended with the loss of the machine. The table below has each."
            ),
            ""
        );
        foreach (var second in Ticks.BetweenTimes(from.ToUnixTimeMilliseconds() / 1000.0, to.ToUnixTimeMilliseconds() / 1000.0, 6))
        {
            var at = DateTimeOffset.FromUnixTimeMilliseconds((long)(second * 1000));
            svg.GridLine(X(at), Top, X(at), height - Bottom);
            svg.Text(
                X(at),
                height - 8,
                "middle",
                at.UtcDateTime.ToString(to - from > TimeSpan.FromDays(1) ? "MM-dd HH:mm" : "HH:mm:ss", CultureInfo.InvariantCulture)
            );
        }

        foreach (var (silo, row) in rows)
        {
            svg.Text(Left - 8, Top + (row * Row) + 17, "end", silo.Length > 26 ? silo[..25] + "…" : silo);
        }

        foreach (var span in spans)
        {
            Bar(svg, span, Top + (rows[span.Silo] * Row), X(span.From), X(span.To ?? to));
        }

        foreach (var mark in Timeline.Marks.Where(mark => rows.ContainsKey(mark.Silo) && mark.At >= from && mark.At <= to))
        {
            var (x, y) = (X(mark.At), Top + (rows[mark.Silo] * Row));
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
            $"""<g class="bar s{colour}"><title>{title}</title><rect x="{SvgText.Number(x1)}" y="{y + 3}" width="{SvgText.Number(width)}" height="{Row - 6}" rx="2" fill="{SvgText.Colours[colour]}" fill-opacity="0.35" stroke="{SvgText.Colours[colour]}"/>"""
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
