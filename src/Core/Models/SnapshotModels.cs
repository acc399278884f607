using System.Globalization;

namespace Slowrun.Core.Models;

/// <summary>
/// The models that a snapshot holds, told apart by prefixes of their tensors' names. The last has none; those of earlier data epochs' ends
/// have <c>late0/</c>, <c>late1/</c>, …, the newest first; or <c>recent0/</c>, … where they count the more the later they are: a snapshot
/// says by itself how its models are mixed.
/// </summary>
public static class SnapshotModels
{
    private const string Alike = "late";
    private const string ByRecency = "recent";

    /// <param name="index">From 0, the newest of the earlier models.</param>
    public static string Prefix(int index, bool byRecency) =>
        string.Create(CultureInfo.InvariantCulture, $"{(byRecency ? ByRecency : Alike)}{index}/");

    /// <param name="tensor">A tensor's name.</param>
    /// <returns>The prefix of the model that it belongs to, with its slash; empty: the last model's.</returns>
    public static string PrefixOf(string tensor)
    {
        ArgumentNullException.ThrowIfNull(tensor);
        return tensor[..(tensor.LastIndexOf('/') + 1)];
    }

    /// <summary>What a model counts in its snapshot's prediction: the same as each other, or the i-th of n in time i (the 2-hour
    /// track).</summary>
    /// <param name="prefix">Empty: the last model.</param>
    /// <param name="models">In the snapshot.</param>
    /// <param name="byRecency">Whether the snapshot's other models have the prefixes of this kind.</param>
    public static ModelShare ShareOf(string prefix, int models, bool byRecency)
    {
        ArgumentNullException.ThrowIfNull(prefix);
        return byRecency
            ? new(
                models - (prefix.Length == 0 ? 0 : 1 + int.Parse(prefix[ByRecency.Length..^1], CultureInfo.InvariantCulture)),
                models * (models + 1) / 2
            )
            : new(1, models);
    }

    /// <param name="names">Of tensors, or prefixes of them.</param>
    public static bool AreByRecency(IEnumerable<string> names) =>
        names.Any(name => name.StartsWith(Prefix(0, byRecency: true), StringComparison.Ordinal));
}

/// <summary>A share as a fraction: with one part the arithmetic of a plain mean.</summary>
public readonly record struct ModelShare(int Parts, int Of)
{
    public double Times(double weight) => weight * Parts / Of;

    public float Times(float weight) => weight * Parts / Of;
}
