using Slowrun.Core.Models;
using Slowrun.Core.Recipes;
using Slowrun.Core.Tensors;

namespace Slowrun.Core.Plan;

/// <summary>Whether tensors are a snapshot of a stage: names, types and shapes, for each of its models.</summary>
public static class WeightsCheck
{
    // A file of another model lacks hundreds; the first ones tell what it is.
    private const int MostNamed = 3;

    /// <param name="tensors">In any order.</param>
    /// <returns>Null: they are. Else a sentence: what was found and what was expected.</returns>
    public static string? Problem(ModelRecipe model, SelectionRecipe selection, IEnumerable<TensorLayout> tensors)
    {
        ArgumentNullException.ThrowIfNull(tensors);
        var expected = Expected(model, selection).ToDictionary(one => one.Name, StringComparer.Ordinal);
        var found = tensors.ToDictionary(one => one.Name, StringComparer.Ordinal);
        var missing = expected.Keys.Where(name => !found.ContainsKey(name)).ToList();
        if (missing.Count > 0)
        {
            return $"{missing.Count} of the {expected.Count} tensors that the recipe's model has are missing: {Named(missing)}.";
        }

        var unknown = found.Keys.Where(name => !expected.ContainsKey(name)).ToList();
        if (unknown.Count > 0)
        {
            return $"{unknown.Count} tensors are none of the recipe's model: {Named(unknown)}.";
        }

        return found
            .Values.Select(one => (Found: one, Expected: expected[one.Name]))
            .Where(one => one.Found.Type != one.Expected.Type || !one.Found.Shape.SequenceEqual(one.Expected.Shape))
            .Select(one => $"'{one.Found.Name}' is {Text(one.Found)}, expected {Text(one.Expected)} of the recipe's model.")
            .FirstOrDefault();
    }

    private static IEnumerable<TensorLayout> Expected(ModelRecipe model, SelectionRecipe selection)
    {
        var table = ParameterTable.Of(model);
        for (var i = -1; i < selection.LateCheckpoints - 1; i++)
        {
            var prefix = i < 0 ? "" : SnapshotModels.Prefix(i, selection.LateByRecency == true);
            foreach (var parameter in table)
            {
                yield return new TensorLayout(prefix + parameter.Name, ElementType.F32, parameter.Shape);
            }
        }
    }

    private static string Named(List<string> names) =>
        string.Join(", ", names.Order(StringComparer.Ordinal).Take(MostNamed)) + (names.Count > MostNamed ? ", …" : "");

    private static string Text(TensorLayout tensor) => $"{tensor.Type} [{string.Join(", ", tensor.Shape)}]";
}
