using System.Globalization;
using Slowrun.Core;
using Slowrun.Core.Plan;
using Slowrun.Core.Recipes;
using Slowrun.Core.Status;
using Spectre.Console;
using Spectre.Console.Rendering;

namespace Slowrun.Client.Display;

/// <summary>The result of a finished run: each member, the ensemble as it grows, the baseline.</summary>
internal static class ResultTable
{
    public static IRenderable Of(RunStatus status, RunPlan plan)
    {
        var table = new Table().Border(TableBorder.None).AddColumns("MODEL", "PASSES");
        foreach (var column in (string[])["VAL NATS/TOKEN", "BITS/BYTE", "ENSEMBLE SO FAR"])
        {
            table.AddColumn(new TableColumn(column).RightAligned());
        }

        var rows = status.Stages.Zip(plan.Stages).ToList();
        foreach (var (stage, stagePlan) in rows.Where(row => row.Second.Role == ChainRole.Members))
        {
            var place = status.Ensemble?.MemberStages.ToList().IndexOf(stage.Id) ?? -1;
            table.AddRow(
                stage.Id.ToString(),
                Passes(stagePlan),
                Human.Loss(stage.ValLossNats),
                Human.Loss(stage.ValBitsPerByte),
                place < 0
                    ? "left out"
                    : string.Create(CultureInfo.InvariantCulture, $"{Human.Loss(status.Ensemble!.Running[place])} of {place + 1}")
            );
        }

        foreach (var (stage, stagePlan) in rows.Where(row => row.Second.Role == ChainRole.Baseline))
        {
            table.AddRow($"baseline ({stage.Id})", Passes(stagePlan), Human.Loss(stage.ValLossNats), Human.Loss(stage.ValBitsPerByte), "");
        }

        return new Rows([table, .. Verdict(status)]);
    }

    /// <summary>The ensemble against its best member and against each baseline.</summary>
    private static IEnumerable<IRenderable> Verdict(RunStatus status)
    {
        if (status.Ensemble is not { } ensemble)
        {
            yield break;
        }

        yield return new Text(
            string.Create(
                CultureInfo.InvariantCulture,
                $"ensemble of {ensemble.Members}: {ensemble.LossNats:0.0000} nats/token, {ensemble.BitsPerByte:0.0000} bits/byte"
            )
        );
        foreach (var size in ensemble.Selections ?? [])
        {
            var chosen = size.LossNats == ensemble.LossNats ? ", chosen on the fitness set" : "";
            yield return new Text(
                string.Create(
                    CultureInfo.InvariantCulture,
                    $"  best {size.Size} by weight: {size.LossNats:0.0000} nats/token (fitness {size.FitnessLossNats:0.0000}{chosen})"
                )
            );
        }

        var members = status.Stages.Where(stage => ensemble.MemberStages.Contains(stage.Id));
        var best = members.MinBy(stage => stage.ValLossNats);
        if (best is { ValLossNats: { } bestLoss })
        {
            yield return new Text($"  {Against(ensemble.LossNats, bestLoss)} its best member ({best.Id})");
        }

        foreach (var baseline in status.Stages.Where(stage => stage.Role == ChainRole.Baseline && stage.ValLossNats is not null))
        {
            yield return new Text($"  {Against(ensemble.LossNats, baseline.ValLossNats!.Value)} the baseline");
        }
    }

    private static string Against(double loss, double other) =>
        loss < other
            ? string.Create(CultureInfo.InvariantCulture, $"{other - loss:0.0000} nats better than")
            : string.Create(CultureInfo.InvariantCulture, $"{loss - other:0.0000} nats worse than");

    private static string Passes(StagePlan plan) => plan.Stage.Epochs.ToString(CultureInfo.InvariantCulture);
}
