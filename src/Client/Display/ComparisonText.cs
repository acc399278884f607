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
            table.AddColumn(new TableColumn(new Text(run.Title)).RightAligned());
        }

        foreach (var row in ComparisonRow.Of(comparison))
        {
            table.AddRow([new Text(row.Title), .. row.Cells.Select(cell => new Text(row.IsRecipe ? Short(cell) : cell))]);
        }

        return table;
    }

    /// <summary>For programs: a run is a row of the CSV.</summary>
    public static IReadOnlyList<Column<ComparedRun>> ListedRuns { get; } =
    [
        new("name", "name", run => run.Name),
        new("state", "state", run => run.State),
        new("stages done", "stagesDone", run => run.StagesDone),
        new("stages", "stages", run => run.Stages),
        new("ensemble, nats/token", "ensembleLossNats", run => run.EnsembleLossNats),
        new("ensemble, bits/byte", "ensembleBitsPerByte", run => run.EnsembleBitsPerByte),
        new("members averaged", "ensembleMembers", run => run.EnsembleMembers),
        new("best member, nats/token", "bestMemberLossNats", run => run.BestMemberLossNats),
        new("best member", "bestMember", run => run.BestMember),
        new("baseline, nats/token", "baselineLossNats", run => run.BaselineLossNats),
        new("tokens trained", "tokensTrained", run => run.TokensTrained),
        new("training", "trainingSeconds", run => run.TrainingSeconds),
        new("tokens/s of a stage", "tokensPerSecond", run => run.TokensPerSecond),
        new("wall clock", "wallSeconds", run => run.WallSeconds),
        new("goodput", "goodput", run => run.Goodput),
        new("owners lost", "preemptions", run => run.Preemptions),
        new("steps lost", "lostSteps", run => run.LostSteps),
        new("cost so far", "costSoFar", run => run.Cost.SoFar),
        new("cost expected in all", "costExpected", run => run.Cost.Expected),
        new("machine hours", "machineHours", run => run.Cost.MachineHours),
        new("called", "givenName", run => run.GivenName),
    ];

    private static string Short(string text) => text.Length <= Longest ? text : text[..(Longest - 1)] + "…";
}
