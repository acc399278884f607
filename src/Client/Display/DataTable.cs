using System.Globalization;
using Slowrun.Client.Cli;
using Spectre.Console;

namespace Slowrun.Client.Display;

/// <summary>Tables that people read in a terminal, narrow or wide, and programs as CSV.</summary>
internal static class DataTable
{
    public static Table Of<T>(IEnumerable<T> rows, IReadOnlyList<Column<T>> columns, bool wide = false)
    {
        var shown = columns.Where(column => !column.Hidden && (wide || !column.Wide)).ToList();
        var table = new Table().Border(TableBorder.None);
        foreach (var column in shown)
        {
            var title = new TableColumn(column.Title);
            table.AddColumn(column.Right ? title.RightAligned() : title);
        }

        foreach (var row in rows)
        {
            table.AddRow(
                shown.Select(column => new Text(
                    column.Text?.Invoke(row) ?? Convert.ToString(column.Value(row), CultureInfo.InvariantCulture) ?? "",
                    column.Style?.Invoke(row) ?? Style.Plain
                ))
            );
        }

        return table;
    }

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
            context.Console.Print(Of(rows, columns, format == OutputFormat.Wide));
            return;
        }

        await context.Output.WriteLineAsync(Csv.Line(columns.Select(column => column.Field)));
        foreach (var row in rows)
        {
            await context.Output.WriteLineAsync(Csv.Line(columns.Select(column => column.Value(row))));
        }
    }
}
