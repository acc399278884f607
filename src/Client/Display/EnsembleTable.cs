using System.Globalization;
using Slowrun.Client.Results;
using Slowrun.Core;
using Slowrun.Core.Recipes;
using Spectre.Console;
using Spectre.Console.Rendering;

namespace Slowrun.Client.Display;

/// <summary>A mixture: each member's loss and weight, and the loss of the others without it.</summary>
internal static class EnsembleTable
{
    public static IRenderable Of(EnsembleReport report)
    {
        var running = report.Members.Any(member => member.RunningNats is not null);
        var table = new Table().Border(TableBorder.None).AddColumns("MEMBER");
        foreach (var column in (string[])["NATS/TOKEN", "BITS/BYTE", "WEIGHT", running ? "ENSEMBLE SO FAR" : "WITHOUT IT"])
        {
            table.AddColumn(new TableColumn(column).RightAligned());
        }

        var mixed = report.Members.Where(member => member.Weight > 0).ToList();
        foreach (var member in mixed)
        {
            table.AddRow(
                member.Stage,
                Human.Loss(member.LossNats),
                Human.Loss(member.BitsPerByte),
                Human.Loss(member.Weight),
                running ? Human.Loss(member.RunningNats) : Without(report, member)
            );
        }

        return new Rows([table, .. Verdict(report, mixed)]);
    }

    private static IEnumerable<IRenderable> Verdict(EnsembleReport report, List<ReportedMember> mixed)
    {
        var how = report.Average == EnsembleAverage.Logits ? ", logits averaged, as the run has computed it" : "";
        yield return new Text(
            string.Create(
                CultureInfo.InvariantCulture,
                $"ensemble of {mixed.Count}{how}: {report.LossNats:0.0000} nats/token, {report.BitsPerByte:0.0000} bits/byte on {Human.Count(report.Tokens)} tokens"
            )
        );
        var best = mixed.MinBy(member => member.LossNats)!;
        yield return new Text(
            string.Create(
                CultureInfo.InvariantCulture,
                $"  {Math.Abs(best.LossNats - report.LossNats):0.0000} nats {(report.LossNats <= best.LossNats ? "better" : "worse")} than its best member ({best.Stage})"
            )
        );
        if (report.Fitted is { } fitted)
        {
            yield return new Text(
                string.Create(
                    CultureInfo.InvariantCulture,
                    $"  weights learnt in {fitted.Steps} steps on the fitness set, where it comes to {fitted.FitnessLossNats:0.0000} nats/token"
                )
            );
        }

        if (report.Members.Count > mixed.Count)
        {
            yield return new Text(
                string.Create(
                    CultureInfo.InvariantCulture,
                    $"  {report.Members.Count - mixed.Count} of {report.Members.Count} members are left out"
                )
            );
        }
    }

    /// <summary>The loss of the others, and how much worse that is.</summary>
    private static string Without(EnsembleReport report, ReportedMember member) =>
        member.WithoutNats is { } without
            ? string.Create(CultureInfo.InvariantCulture, $"{without:0.0000} ({without - report.LossNats:+0.0000;-0.0000;0.0000})")
            : "";
}
