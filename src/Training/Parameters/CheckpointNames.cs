using System.Globalization;
using Slowrun.Core.Tensors;

namespace Slowrun.Training.Parameters;

/// <summary>A snapshot holds one model under upstream's names, and may hold earlier ones, whose names have a prefix.</summary>
internal static class CheckpointNames
{
    private const string Prefix = "late";

    public static string Late(int index) => string.Create(CultureInfo.InvariantCulture, $"{Prefix}{index}/");

    /// <summary>The last model's weights: what teaches.</summary>
    public static IReadOnlyList<TensorData> Last(IReadOnlyList<TensorData> snapshot) =>
        [.. snapshot.Where(tensor => !tensor.Name.Contains('/', StringComparison.Ordinal))];

    /// <summary>Every model's weights, the last first.</summary>
    public static IEnumerable<IReadOnlyList<TensorData>> Models(IReadOnlyList<TensorData> snapshot)
    {
        yield return Last(snapshot);
        for (var i = 0; ; i++)
        {
            var prefix = Late(i);
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
}
