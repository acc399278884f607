using System.Globalization;
using System.Text;

namespace Slowrun.Client.Display;

/// <summary>
/// Draws lines over those it drew before. Every drawing is one text that overwrites and erases nothing first, so nothing flickers; where
/// the terminal has been given another size, which moves lines about in ways that terminals disagree on, it begins again on an empty
/// screen.
/// </summary>
/// <param name="size">The terminal's, now.</param>
internal sealed class LiveScreen(TextWriter output, Func<(int Width, int Height)> size)
{
    // Terminals that know it show a drawing only once it is complete; the others ignore it.
    private const string Begin = "\e[?2026h",
        End = "\e[?2026l";
    private const string EraseToEndOfLine = "\e[K",
        EraseBelow = "\e[J",
        EraseAll = "\e[H\e[2J";

    // Remarks that are repeated on an emptied screen: the latest ones must not vanish.
    private const int KeptRemarks = 3;

    private readonly Queue<string> remarks = new();
    private IReadOnlyList<string> drawn = [];
    private (int Width, int Height) drawnAt;

    /// <summary>Shows these instead of the last ones; what does not fit is cut at the bottom.</summary>
    public void Draw(IReadOnlyList<string> lines)
    {
        ArgumentNullException.ThrowIfNull(lines);
        Write(Fitting(lines), remark: null);
    }

    /// <summary>Writes a line that stays, above what is drawn.</summary>
    public void Say(string line) => Write(drawn, line);

    private void Write(IReadOnlyList<string> lines, string? remark)
    {
        var now = size();
        var text = new StringBuilder(Begin);
        if (drawn.Count > 0)
        {
            text.Append(
                now == drawnAt
                    ? string.Create(CultureInfo.InvariantCulture, $"\e[{drawn.Count}A\r")
                    : EraseAll + string.Concat(remarks.Select(said => said + "\n"))
            );
        }

        if (remark is not null)
        {
            // It may be longer than the line: what was there must be gone before it.
            text.Append(EraseBelow).Append(remark).Append('\n');
            remarks.Enqueue(remark);
            if (remarks.Count > KeptRemarks)
            {
                remarks.Dequeue();
            }
        }

        foreach (var line in lines)
        {
            text.Append(line).Append(EraseToEndOfLine).Append('\n');
        }

        output.Write(text.Append(EraseBelow).Append(End).ToString());
        output.Flush();
        (drawn, drawnAt) = (lines, now);
    }

    private List<string> Fitting(IReadOnlyList<string> lines)
    {
        // The cursor stands on the line below.
        var most = Math.Max(1, size().Height - 1);
        return lines.Count <= most
            ? [.. lines]
            :
            [
                .. lines.Take(most - 1),
                string.Create(CultureInfo.InvariantCulture, $"… {lines.Count - most + 1} more lines; a higher window shows them"),
            ];
    }
}
