using System.Globalization;
using Slowrun.Core.Simulation;
using Spectre.Console;

namespace Slowrun.Client.Display;

/// <param name="Losses">Machines that were lost.</param>
internal sealed record ReplayedFile(string File, string Run, int Losses, Replay Result);

/// <summary>Simulated and recorded runs, side by side.</summary>
internal static class ReplayText
{
    public static Table Of(IReadOnlyList<ReplayedFile> replays)
    {
        var table = new Table()
            .Border(TableBorder.None)
            .AddColumns("FILE", "LOSSES", "FINISH PREDICTED", "RECORDED", "OFF BY", "GOODPUT PREDICTED", "RECORDED", "OFF BY");
        Enumerable.Range(1, 7).ToList().ForEach(column => table.Columns[column].RightAligned());
        foreach (var (file, _, losses, result) in replays)
        {
            table.AddRow(
                Markup.Escape(file),
                Text($"{losses}"),
                result.Predicted is { } finish ? Text($"{finish:F1} s") : "never",
                Text($"{result.Recorded:F1} s"),
                result.FinishError is { } off ? Text($"{off:+0.0 %;-0.0 %;0.0 %}") : "-",
                result.PredictedGoodput is { } goodput ? Text($"{goodput:0.0 %}") : "-",
                Text($"{result.RecordedGoodput:0.0 %}"),
                result.GoodputError is { } points ? Text($"{points * 100:+0.0;-0.0;0.0} points") : "-"
            );
        }

        return table;
    }

    private static string Text(FormattableString text) => text.ToString(CultureInfo.InvariantCulture);
}
