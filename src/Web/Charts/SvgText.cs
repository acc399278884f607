using System.Globalization;
using System.Net;
using System.Text;

namespace Slowrun.Web.Charts;

/// <summary>
/// Writes SVG. Looks are presentation attributes, which a page's style overrides (dark, light) and which a file that was downloaded keeps;
/// no style attribute, which the page's own policy forbids.
/// </summary>
internal sealed class SvgText
{
    /// <summary>Told apart by those who see fewer colours (Okabe and Ito, 2008), the yellow darkened for white paper.</summary>
    public static readonly string[] Colours = ["#0072b2", "#d55e00", "#009e73", "#cc79a7", "#56b4e9", "#b8860b", "#7a5195", "#4d4d4d"];

    private readonly StringBuilder text = new();

    public SvgText Add(FormattableString svg)
    {
        text.Append(svg.ToString(CultureInfo.InvariantCulture));
        return this;
    }

    /// <summary>A number of a drawing: a hundredth of a pixel is more than can be seen.</summary>
    public static string Number(double value) => value.ToString("0.##", CultureInfo.InvariantCulture);

    public static string Escaped(string text) => WebUtility.HtmlEncode(text);

    public void Open(string id, int width, int height, string title, string description, string data) =>
        Add(
                $"""<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}" height="{height}" role="img" aria-labelledby="{id}-title {id}-about" font-family="sans-serif" font-size="12" {data}>"""
            )
            .Add(
                $"""<title id="{id}-title">{Escaped(title)}</title><desc id="{id}-about">{Escaped(description)}</desc><rect class="paper" width="{width}" height="{height}" fill="#fff"/>"""
            );

    public void Text(double x, double y, string anchor, string content) =>
        Add($"""<text x="{Number(x)}" y="{Number(y)}" text-anchor="{anchor}" fill="#222">{Escaped(content)}</text>""");

    /// <summary>A name on an axis. A narrow screen shows every second one.</summary>
    public void Tick(double x, double y, int nth, string content) =>
        Add(
            $"""<text class="{(nth % 2 == 0 ? "tick" : "tick odd")}" x="{Number(x)}" y="{Number(y)}" text-anchor="middle" fill="#222">{Escaped(content)}</text>"""
        );

    public void GridLine(double x1, double y1, double x2, double y2) =>
        Add($"""<line class="grid" x1="{Number(x1)}" y1="{Number(y1)}" x2="{Number(x2)}" y2="{Number(y2)}" stroke="#ddd"/>""");

    public string Close() => text.Append("</svg>").ToString();
}
