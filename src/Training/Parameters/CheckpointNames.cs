using Slowrun.Core.Models;
using Slowrun.Core.Tensors;

namespace Slowrun.Training.Parameters;

/// <summary>A snapshot holds one model under upstream's names, and may hold earlier ones, whose names have a prefix.</summary>
internal static class CheckpointNames
{
    /// <param name="byRecency">Whether a model counts the more the later it is.</param>
    public static string Late(int index, bool byRecency = false) => SnapshotModels.Prefix(index, byRecency);

    /// <summary>The last model's weights: what teaches.</summary>
    public static IReadOnlyList<TensorData> Last(IReadOnlyList<TensorData> snapshot) =>
        [.. snapshot.Where(tensor => !tensor.Name.Contains('/', StringComparison.Ordinal))];

    /// <summary>Every model's weights, the last first.</summary>
    public static IEnumerable<IReadOnlyList<TensorData>> Models(IReadOnlyList<TensorData> snapshot)
    {
        yield return Last(snapshot);
        var byRecency = IsByRecency(snapshot);
        for (var i = 0; ; i++)
        {
            var prefix = Late(i, byRecency);
            TensorData[] model =
            [
                .. snapshot
                    .Where(t => t.Name.StartsWith(prefix, StringComparison.Ordinal))
                    .Select(t => t with { Name = t.Name[prefix.Length..] }),
            ];
            if (model.Length == 0)
            {
                yield break;
            }

            yield return model;
        }
    }

    /// <summary>What each of <see cref="Models"/> counts in the snapshot's prediction.</summary>
    public static IReadOnlyList<ModelShare> Shares(IReadOnlyList<TensorData> snapshot)
    {
        var (models, byRecency) = (Models(snapshot).Count(), IsByRecency(snapshot));
        return
        [
            .. Enumerable.Range(0, models).Select(i => SnapshotModels.ShareOf(i == 0 ? "" : Late(i - 1, byRecency), models, byRecency)),
        ];
    }

    private static bool IsByRecency(IReadOnlyList<TensorData> snapshot) => SnapshotModels.AreByRecency(snapshot.Select(t => t.Name));
}
