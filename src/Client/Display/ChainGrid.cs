using System.Globalization;
using Slowrun.Core.Plan;
using Slowrun.Core.Recipes;
using Slowrun.Core.Status;
using Spectre.Console;
using Spectre.Console.Rendering;

namespace Slowrun.Client.Display;

/// <summary>A run of many stages: a row for each chain, a cell for each stage. Chains with the same states share a row.</summary>
internal static class ChainGrid
{
    // A stage's percentage and a space; a sign and a space; a sign.
    private static readonly int[] CellWidths = [4, 2, 1];

    /// <param name="width">Of the terminal, in characters.</param>
    /// <param name="mostRows">Chains in which nothing goes on are left out beyond that; null: all are shown.</param>
    public static IEnumerable<IRenderable> Of(RunStatus status, int width, int? mostRows, bool unicode)
    {
        ArgumentNullException.ThrowIfNull(status);
        var rows = Merged([.. status.Stages.GroupBy(stage => stage.Id.Chain).Select(chain => new Row(chain.Key, chain.Key, [.. chain]))]);
        var shown = Chosen(rows, mostRows);
        var labelWidth = shown.Max(row => row.Label.Length) + 1;
        var stages = rows.Max(row => row.Stages.Count);
        // A terminal that is filled to its last column breaks the line.
        var room = Math.Max(1, width - labelWidth - 1);
        var cellWidth = CellWidths.FirstOrDefault(cell => stages * cell <= room, 1);
        if (cellWidth == CellWidths[0])
        {
            yield return new Text(
                string.Concat(
                        new string(' ', labelWidth),
                        string.Concat(
                            Enumerable.Range(0, stages).Select(i => i.ToString(CultureInfo.InvariantCulture).PadLeft(3).PadRight(cellWidth))
                        )
                    )
                    .TrimEnd()
            );
        }

        foreach (var row in shown)
        {
            foreach (var (index, part) in row.Stages.Chunk(Math.Max(1, room / cellWidth)).Index())
            {
                yield return Line(index == 0 ? row.Label : "", labelWidth, part, cellWidth, unicode);
            }
        }

        if (shown.Count < rows.Count)
        {
            var hidden = rows.Except(shown).ToList();
            yield return new Text(
                string.Create(
                    CultureInfo.InvariantCulture,
                    $"… and {hidden.Sum(row => row.Chains)} more chains: {Counts(hidden.SelectMany(row => row.Stages.Select(stage => (stage.State, Times: row.Chains))))}"
                )
            );
        }

        yield return Legend(status.Stages, unicode);
    }

    private static Paragraph Line(string label, int labelWidth, IEnumerable<StageStatus> stages, int cellWidth, bool unicode)
    {
        var line = new Paragraph().Append(label.PadRight(labelWidth), Style.Plain);
        foreach (var stage in stages)
        {
            var sign = StageStates.SignOf(stage.State, unicode).ToString();
            var text =
                cellWidth < CellWidths[0] ? sign
                : stage.State == StageState.Training ? string.Create(CultureInfo.InvariantCulture, $"{Percent(stage)}%")
                : sign;
            line.Append((cellWidth == CellWidths[0] ? text.PadLeft(3) : text).PadRight(cellWidth), StageStates.StyleOf(stage.State));
        }

        return line;
    }

    private static Paragraph Legend(IReadOnlyList<StageStatus> stages, bool unicode)
    {
        var line = new Paragraph();
        foreach (var (state, count) in stages.CountBy(stage => stage.State).OrderBy(pair => StageStates.Ordered.ToList().IndexOf(pair.Key)))
        {
            line.Append(
                string.Create(CultureInfo.InvariantCulture, $"{StageStates.SignOf(state, unicode)} {count} {state}  "),
                StageStates.StyleOf(state)
            );
        }

        return line;
    }

    /// <summary>A stage at 100 % would be taken for one that has finished.</summary>
    private static int Percent(StageStatus stage) => Math.Min(99, (int)(100L * stage.Step / Math.Max(1, stage.Steps)));

    private static List<Row> Merged(IReadOnlyList<Row> chains)
    {
        var rows = new List<Row>();
        foreach (var chain in chains)
        {
            if (rows.Count > 0 && rows[^1] is var last && last.Key == chain.Key && !chain.IsActive)
            {
                rows[^1] = last with { Last = chain.Last };
            }
            else
            {
                rows.Add(chain);
            }
        }

        return rows;
    }

    private static List<Row> Chosen(List<Row> rows, int? mostRows) =>
        mostRows is { } most && rows.Count > most
            ? [.. rows.OrderBy(row => !row.IsActive).Take(Math.Max(1, most - 1)).OrderBy(row => row.First)]
            : rows;

    private static string Counts(IEnumerable<(StageState State, int Times)> states) =>
        string.Join(
            ", ",
            states
                .GroupBy(one => one.State)
                .OrderBy(group => StageStates.Ordered.ToList().IndexOf(group.Key))
                .Select(group => string.Create(CultureInfo.InvariantCulture, $"{group.Sum(one => one.Times)} {group.Key}"))
        );

    private sealed record Row(int First, int Last, IReadOnlyList<StageStatus> Stages)
    {
        public int Chains => Last - First + 1;

        public string Label =>
            string.Create(CultureInfo.InvariantCulture, $"chain{First}{(Last > First ? $" to {Last}" : "")}{(IsBaseline ? " *" : "")}");

        /// <summary>Whether work goes on in the chain, or the user has to act.</summary>
        public bool IsActive =>
            Stages.Any(stage =>
                stage.State is StageState.Training or StageState.Scoring or StageState.Failed or StageState.Damaged or StageState.Paused
            );

        public string Key => $"{IsBaseline} {string.Join(' ', Stages.Select(stage => stage.State))}";

        private bool IsBaseline => Stages[0].Role != ChainRole.Members;
    }
}
