using System.Text.Json;
using System.Text.Json.Nodes;
using Slowrun.Core;

namespace Slowrun.Client.Runs;

/// <summary>Where two records differ, field by field.</summary>
internal static class RecipeDifferences
{
    /// <returns>For example <c>recipe.seed: 42 there, 7 here</c>.</returns>
    public static IReadOnlyList<string> Between<T>(T there, T here, string path) =>
        [.. Differences(JsonSerializer.SerializeToNode(there, CanonicalJson.Options), JsonSerializer.SerializeToNode(here, CanonicalJson.Options), path)];

    private static IEnumerable<string> Differences(JsonNode? there, JsonNode? here, string path) => (there, here) switch
    {
        (JsonObject a, JsonObject b) => a.Select(field => field.Key).Union(b.Select(field => field.Key))
            .SelectMany(name => Differences(a[name], b[name], $"{path}.{name}")),
        (JsonArray a, JsonArray b) when a.Count == b.Count => Enumerable.Range(0, a.Count).SelectMany(i => Differences(a[i], b[i], $"{path}[{i}]")),
        _ => JsonNode.DeepEquals(there, here) ? [] : [$"{path}: {Text(there)} there, {Text(here)} here"],
    };

    private static string Text(JsonNode? node) => node?.ToJsonString(CanonicalJson.Options) ?? "nothing";
}
