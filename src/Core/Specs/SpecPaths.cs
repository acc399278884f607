using System.Globalization;
using Slowrun.Core.Recipes;

namespace Slowrun.Core.Specs;

/// <summary>What may be written as <c>path=value</c>, for who types it.</summary>
public static class SpecPaths
{
    private const string RecipeSection = "recipe.";
    private const string OperationsSection = "operations.";

    /// <summary>
    /// The fields that a spec has, each as <c>stage.epochs=</c>; of a list's entries those whose index was typed
    /// (<c>chains[0].</c>). Behind the equals sign the values, where the field has only some.
    /// </summary>
    /// <param name="begun">What was typed so far.</param>
    public static IReadOnlyList<string> Of(string begun)
    {
        ArgumentNullException.ThrowIfNull(begun);
        var equals = begun.IndexOf('=', StringComparison.Ordinal);
        var path = equals < 0 ? begun : begun[..equals];
        var prefix = path.StartsWith(RecipeSection, StringComparison.Ordinal) ? RecipeSection : "";
        var fields = Below(typeof(Recipe), prefix, path).Concat(Below(typeof(Operations), OperationsSection, path));
        return equals < 0
            ? [.. fields.Select(field => $"{field.Path}=")]
            : [.. fields.Where(field => field.Path == path).SelectMany(field => Values(field.Type)).Select(value => $"{path}={value}")];
    }

    private static IEnumerable<(string Path, Type Type)> Below(Type record, string prefix, string begun)
    {
        foreach (var field in SpecFields.Of(record))
        {
            var path = prefix + field.Name;
            if (SpecFields.IsRecord(field.Type))
            {
                foreach (var inner in Below(field.Type, $"{path}.", begun))
                {
                    yield return inner;
                }

                continue;
            }

            yield return (path, field.Type);
            if (SpecFields.EntryOf(field.Type) is { } entry && SpecFields.IsRecord(entry) && Index(begun, path) is { } index)
            {
                foreach (var inner in Below(entry, $"{path}[{index.ToString(CultureInfo.InvariantCulture)}].", begun))
                {
                    yield return inner;
                }
            }
        }
    }

    private static int? Index(string begun, string list) =>
        begun.StartsWith($"{list}[", StringComparison.Ordinal) && begun.IndexOf(']', list.Length) is var end and > 0
            ? SpecPath.Index(begun[(list.Length + 1)..end])
            : null;

    private static IEnumerable<string> Values(Type type)
    {
        var value = Nullable.GetUnderlyingType(type) ?? type;
        return value == typeof(bool) ? ["true", "false"]
            : value.IsEnum ? Enum.GetNames(value)
            : [];
    }
}
