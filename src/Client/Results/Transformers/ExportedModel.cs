using Slowrun.Core.Models;
using Slowrun.Core.Plan;
using Slowrun.Core.Recipes;
using Slowrun.Storage;

namespace Slowrun.Client.Results.Transformers;

/// <summary>One model of a finished stage, and its share of a prediction.</summary>
/// <param name="Prefix">Of its tensors' names in the stage's snapshot; empty: the last model.</param>
internal sealed record ExportedModel(StageId Stage, string Prefix, double Weight)
{
    /// <summary>Of its own among others.</summary>
    public string Folder => FolderOf(Stage) + (Prefix.Length > 0 ? $"-{Prefix.TrimEnd('/')}" : "");

    public static string FolderOf(StageId stage) => stage.ToString().Replace('/', '-');

    /// <summary>The models of a member, each with its share; where logits are averaged, the last alone, as in the run's
    /// ensemble.</summary>
    /// <param name="weight">The member's.</param>
    public static async Task<IReadOnlyList<ExportedModel>> OfAsync(
        IObjectStore store,
        RunFacts facts,
        StageId stage,
        double weight,
        EnsembleAverage average,
        CancellationToken stop
    )
    {
        var models = await WeightFile.ModelsAsync(store, facts.RootOf(stage).Snapshot!, stop);
        models = average == EnsembleAverage.Logits ? [""] : models;
        var byRecency = SnapshotModels.AreByRecency(models);
        return
        [
            .. models.Select(prefix => new ExportedModel(
                stage,
                prefix,
                SnapshotModels.ShareOf(prefix, models.Count, byRecency).Times(weight)
            )),
        ];
    }
}
