using System.Globalization;
using Slowrun.Client.Cli;
using Spectre.Console;
using Spectre.Console.Rendering;

namespace Slowrun.Client.Display;

/// <summary>Tables that people read in a terminal, narrow or wide, and programs as CSV.</summary>
internal static class DataTable
{
    // Of a column, as the tables are drawn.
    private const int Gap = 2;

    /// <param name="wide">Every column.</param>
    /// <param name="width">Characters in a line. Columns that do not fit beside each other are in several tables, each with the first
    /// one. Null: one table, in which words may be broken.</param>
    public static IRenderable Of<T>(IEnumerable<T> rows, IReadOnlyList<Column<T>> columns, bool wide, int? width)
    {
        var shown = columns.Where(column => !column.Hidden && (wide || !column.Wide)).ToList();
        var all = rows.ToList();
        var lines = all.Select(row => shown.Select(column => Cell(column, row)).ToList()).ToList();
        var widths = shown.Select((column, i) => lines.Select(line => line[i].Length).Append(column.Title.Length).Max()).ToList();
        var longestName = (width ?? 0) / 2;
        List<Table> tables =
        [
            .. (
                width is { } known
                    ? Fitting(widths, known)
                    :
                    [
                        [.. Enumerable.Range(0, shown.Count)],
                    ]
            ).Select(Table),
        ];
        return tables.Count == 1
            ? tables[0]
            : new Rows(tables.SelectMany((table, i) => i == 0 ? [table] : new IRenderable[] { Spectre.Console.Text.Empty, table }));

        Table Table(IReadOnlyList<int> block)
        {
            var table = new Table().Border(TableBorder.None);
            foreach (var i in block)
            {
                var title = new TableColumn(shown[i].Title);
                // A name in pieces cannot be copied; one of half a line leaves no room for the rest.
                title.NoWrap = i == 0 && widths[0] <= longestName;
                table.AddColumn(shown[i].Right ? title.RightAligned() : title);
            }

            foreach (var (line, row) in lines.Zip(all))
            {
                table.AddRow(block.Select(i => new Text(line[i], shown[i].Style?.Invoke(row) ?? Style.Plain)));
            }

            return table;
        }
    }

    /// <summary>The columns in groups that fit a line, each with the first one.</summary>
    private static List<List<int>> Fitting(IReadOnlyList<int> widths, int width)
    {
        // As wide as it may be without being broken.
        var first = Math.Min(widths[0], width / 2);
        List<List<int>> blocks =
        [
            [0],
        ];
        var taken = first + Gap;
        for (var i = 1; i < widths.Count; i++)
        {
            if (blocks[^1].Count > 1 && taken + Gap + widths[i] > width)
            {
                blocks.Add([0]);
                taken = first + Gap;
            }

            blocks[^1].Add(i);
            taken += Gap + widths[i];
        }

        return blocks;
    }

    private static string Cell<T>(Column<T> column, T row) =>
        column.Text?.Invoke(row) ?? Convert.ToString(column.Value(row), CultureInfo.InvariantCulture) ?? "";

    /// <summary>Prints rows as a table or as CSV, whichever was asked for.</summary>
    public static async Task PrintAsync<T>(
        ClientContext context,
        OutputFormat format,
        IEnumerable<T> rows,
        IReadOnlyList<Column<T>> columns
    )
    {
        if (format != OutputFormat.Csv)
        {
            context.Console.Print(Of(rows, columns, format == OutputFormat.Wide, context.Console.Profile.Width));
            return;
        }

        await context.Output.WriteLineAsync(Csv.Line(columns.Select(column => column.Field)));
        foreach (var row in rows)
        {
            await context.Output.WriteLineAsync(Csv.Line(columns.Select(column => column.Value(row))));
        }
    }
}
