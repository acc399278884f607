using System.Text.Json;
using System.Text.Json.Nodes;

namespace Slowrun.Core.Specs;

/// <summary>One field in which two specs differ.</summary>
/// <param name="Path">For example <c>recipe.stage.epochs</c>.</param>
/// <param name="There">Null: nothing.</param>
public sealed record SpecDifference(string Path, JsonNode? There, JsonNode? Here)
{
    public override string ToString() => $"{Path}: {Text(There)} there, {Text(Here)} here";

    /// <summary>A value as a message shows it.</summary>
    public static string Text(JsonNode? node) =>
        node is JsonValue value && value.TryGetValue<string>(out var text) && Duration.ShortForm(text) is { } time
            ? time
            : node?.ToJsonString(CanonicalJson.StrictOptions) ?? "nothing";

    public bool Equals(SpecDifference? other) => ContentEquality.Same(this, other);

    public override int GetHashCode() => ContentEquality.Hash(this);
}

/// <summary>Where two records differ, field by field.</summary>
public static class SpecDifferences
{
    /// <param name="path">Of the records themselves.</param>
    public static IReadOnlyList<SpecDifference> Between<T>(T there, T here, string path) =>
        [
            .. Differences(
                JsonSerializer.SerializeToNode(there, CanonicalJson.StrictOptions),
                JsonSerializer.SerializeToNode(here, CanonicalJson.Options),
                path
            ),
        ];

    private static IEnumerable<SpecDifference> Differences(JsonNode? there, JsonNode? here, string path) =>
        (there, here) switch
        {
            (JsonObject a, JsonObject b) => a.Select(field => field.Key)
                .Union(b.Select(field => field.Key))
                .SelectMany(name => Differences(a[name], b[name], $"{path}.{name}")),
            (JsonArray a, JsonArray b) when a.Count == b.Count => Enumerable
                .Range(0, a.Count)
                .SelectMany(i => Differences(a[i], b[i], $"{path}[{i}]")),
            _ => JsonNode.DeepEquals(there, here) ? [] : [new SpecDifference(path, there, here)],
        };
}
