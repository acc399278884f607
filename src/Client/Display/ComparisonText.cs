using System.Globalization;
using Slowrun.Core;
using Slowrun.Core.Specs;
using Slowrun.Reading.Runs;
using Spectre.Console;
using Spectre.Console.Rendering;

namespace Slowrun.Client.Display;

/// <summary>Runs side by side, a column each: figures, then fields in which their recipes differ.</summary>
internal static class ComparisonText
{
    // What chains or a teacher hold is longer than any screen is wide.
    private const int Longest = 40;

    public static IRenderable Of(RunComparison comparison)
    {
        var table = new Table().Border(TableBorder.None).AddColumn("RUN");
        foreach (var run in comparison.Runs)
        {
            table.AddColumn(new TableColumn(new Text(run.Name)).RightAligned());
        }

        foreach (var column in ListedRuns)
        {
            var cells = comparison.Runs.Select(column.Text!).ToList();
            if (cells.Any(cell => cell.Length > 0))
            {
                Add(table, column.Title, cells);
            }
        }

        foreach (var difference in comparison.Differences)
        {
            Add(table, difference.Path, difference.Values.Select(value => Short(SpecDifference.Text(value))));
        }

        return table;
    }

    /// <summary>For people and for programs; a run is a row of the CSV.</summary>
    public static IReadOnlyList<Column<ComparedRun>> ListedRuns { get; } =
    [
        new("name", "name", run => run.Name) { Text = _ => "" },
        new("state", "state", run => run.State) { Text = run => run.State.ToString() },
        new("stages done", "stagesDone", run => run.StagesDone) { Text = run => $"{run.StagesDone} of {run.Stages}" },
        new("stages", "stages", run => run.Stages) { Text = _ => "" },
        new("ensemble, nats/token", "ensembleLossNats", run => run.EnsembleLossNats) { Text = run => Human.Loss(run.EnsembleLossNats) },
        new("ensemble, bits/byte", "ensembleBitsPerByte", run => run.EnsembleBitsPerByte)
        {
            Text = run => Human.Loss(run.EnsembleBitsPerByte),
        },
        new("members averaged", "ensembleMembers", run => run.EnsembleMembers) { Text = run => Human.Count(run.EnsembleMembers) },
        new("best member, nats/token", "bestMemberLossNats", run => run.BestMemberLossNats)
        {
            Text = run => Human.Loss(run.BestMemberLossNats),
        },
        new("best member", "bestMember", run => run.BestMember) { Text = run => run.BestMember?.ToString() ?? "" },
        new("baseline, nats/token", "baselineLossNats", run => run.BaselineLossNats) { Text = run => Human.Loss(run.BaselineLossNats) },
        new("tokens trained", "tokensTrained", run => run.TokensTrained) { Text = run => Human.Count(run.TokensTrained) },
        new("training", "trainingSeconds", run => run.TrainingSeconds) { Text = run => Human.Time(run.TrainingSeconds) },
        new("tokens/s of a stage", "tokensPerSecond", run => run.TokensPerSecond) { Text = run => Human.Count(run.TokensPerSecond) },
        new("wall clock", "wallSeconds", run => run.WallSeconds) { Text = run => Human.Time(run.WallSeconds) },
        new("goodput", "goodput", run => run.Goodput) { Text = run => run.Goodput is { } share ? Human.Percent(share) : "" },
        new("owners lost", "preemptions", run => run.Preemptions) { Text = run => Human.Count(run.Preemptions) },
        new("steps lost", "lostSteps", run => run.LostSteps) { Text = run => Human.Count(run.LostSteps) },
        new("cost so far", "costSoFar", run => run.Cost.SoFar) { Text = run => CostText.Money(run.Cost.SoFar) },
        new("cost expected in all", "costExpected", run => run.Cost.Expected) { Text = run => CostText.Money(run.Cost.Expected) },
        new("machine hours", "machineHours", run => run.Cost.MachineHours)
        {
            Text = run => run.Cost.MachineHours is { } hours ? hours.ToString("#,0.00", CultureInfo.InvariantCulture) : "",
        },
    ];

    private static void Add(Table table, string title, IEnumerable<string> cells) =>
        table.AddRow([new Text(title), .. cells.Select(cell => new Text(cell))]);

    private static string Short(string text) => text.Length <= Longest ? text : text[..(Longest - 1)] + "…";
}
