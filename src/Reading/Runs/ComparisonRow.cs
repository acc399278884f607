using System.Globalization;
using Slowrun.Core;
using Slowrun.Core.Specs;
using Slowrun.Reading.Costs;

namespace Slowrun.Reading.Runs;

/// <summary>A line of a comparison as people read it.</summary>
/// <param name="Cells">One a run; empty: not known.</param>
/// <param name="IsRecipe">A field of the recipes, and no figure.</param>
public sealed record ComparisonRow(string Title, IReadOnlyList<string> Cells, bool IsRecipe)
{
    private static readonly (string Title, Func<ComparedRun, string> Text)[] Figures =
    [
        ("state", run => run.State.ToString()),
        ("stages done", run => $"{run.StagesDone} of {run.Stages}"),
        ("ensemble, nats/token", run => Human.Loss(run.EnsembleLossNats)),
        ("ensemble, bits/byte", run => Human.Loss(run.EnsembleBitsPerByte)),
        ("members averaged", run => Human.Count(run.EnsembleMembers)),
        ("best member, nats/token", run => Human.Loss(run.BestMemberLossNats)),
        ("best member", run => run.BestMember?.ToString() ?? ""),
        ("baseline, nats/token", run => Human.Loss(run.BaselineLossNats)),
        ("tokens trained", run => Human.Count(run.TokensTrained)),
        ("training", run => Human.Time(run.TrainingSeconds)),
        ("tokens/s of a stage", run => Human.Count(run.TokensPerSecond)),
        ("wall clock", run => Human.Time(run.WallSeconds)),
        ("goodput", run => run.Goodput is { } share ? Human.Percent(share) : ""),
        ("owners lost", run => Human.Count(run.Preemptions)),
        ("steps lost", run => Human.Count(run.LostSteps)),
        ("cost so far", run => RunCost.Money(run.Cost.SoFar)),
        ("cost expected in all", run => RunCost.Money(run.Cost.Expected)),
        ("machine hours", run => run.Cost.MachineHours is { } hours ? hours.ToString("#,0.00", CultureInfo.InvariantCulture) : ""),
    ];

    /// <summary>Figures that at least one run has, then the fields in which their recipes differ.</summary>
    public static IReadOnlyList<ComparisonRow> Of(RunComparison comparison)
    {
        ArgumentNullException.ThrowIfNull(comparison);
        var figures = Figures.Select(figure => new ComparisonRow(figure.Title, [.. comparison.Runs.Select(figure.Text)], IsRecipe: false));
        var fields = comparison.Differences.Select(difference => new ComparisonRow(
            difference.Path,
            [.. difference.Values.Select(SpecDifference.Text)],
            IsRecipe: true
        ));
        return [.. figures.Where(row => row.Cells.Any(cell => cell.Length > 0)), .. fields];
    }
}
