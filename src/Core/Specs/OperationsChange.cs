using System.Text.Json;
using System.Text.Json.Nodes;
using Slowrun.Core.Recipes;

namespace Slowrun.Core.Specs;

/// <summary>What <c>slowrun set</c> is asked for: assignments to a run's operations, checked as a spec's are.</summary>
public static class OperationsChange
{
    private const string Prefix = "operations.";
    private const string Receivers = "notify";

    // What people call them.
    private static readonly Dictionary<string, string[]> ShortForms = new(StringComparer.Ordinal)
    {
        ["checkpoint.interval"] = ["checkpointAtLeastEvery", "checkpointAtMostEvery"],
        ["checkpoint.atLeastEvery"] = ["checkpointAtLeastEvery"],
        ["checkpoint.atMostEvery"] = ["checkpointAtMostEvery"],
        ["checkpoint.everySteps"] = ["checkpointEverySteps"],
        ["retention.keep"] = ["keepCheckpoints"],
    };

    /// <summary>Assignments that would change what is no operation: the recipe, which is fixed, and the name.</summary>
    public static IReadOnlyList<SpecDifference> Forbidden(RunSpec run, IReadOnlyList<string> assignments)
    {
        ArgumentNullException.ThrowIfNull(run);
        ArgumentNullException.ThrowIfNull(assignments);
        var fields = JsonSerializer.SerializeToNode(run, SpecWriter.WithNulls)!;
        return
        [
            .. assignments
                .SelectMany(Written)
                .Select(assignment =>
                    (Path: SpecPath.Of(assignment), Value: assignment[(assignment.IndexOf('=', StringComparison.Ordinal) + 1)..].Trim())
                )
                .Where(assignment => assignment.Path is { IsOperation: false })
                .Select(assignment => (assignment.Path, assignment.Value, Found: Find(fields, assignment.Path!)))
                .Where(assignment => assignment.Found.IsField && Text(assignment.Found.Value) != assignment.Value)
                .Select(assignment => new SpecDifference(
                    string.Join('.', assignment.Path!.Segments),
                    assignment.Found.Value?.DeepClone(),
                    JsonValue.Create(assignment.Value)
                )),
        ];
    }

    /// <returns>The operations after it.</returns>
    /// <exception cref="SpecException">With every problem.</exception>
    public static Operations Applied(RunSpec run, IReadOnlyList<string> assignments)
    {
        ArgumentNullException.ThrowIfNull(run);
        ArgumentNullException.ThrowIfNull(assignments);
        var overrides = new SpecOverrides { Set = [.. assignments.SelectMany(Written)], SetFrom = "set" };
        return SpecReader.FromText(SpecWriter.Yaml(run), $"run {run.Name}", overrides).Operations with { Unknown = run.Operations.Unknown };
    }

    /// <summary>With the long name of the field: <c>keepCheckpoints=3</c> is <c>operations.keepCheckpoints=3</c>.</summary>
    private static IEnumerable<string> Written(string assignment)
    {
        var equals = assignment.IndexOf('=', StringComparison.Ordinal);
        var path = (equals < 0 ? assignment : assignment[..equals]).Trim();
        var rest = equals < 0 ? "" : assignment[equals..];
        var name = path.StartsWith(Prefix, StringComparison.Ordinal) ? path[Prefix.Length..] : path;
        var first = path.Split('.', '[')[0];
        return ShortForms.TryGetValue(name, out var fields) ? fields.Select(field => $"{Prefix}{field}{rest}")
            : name == Receivers && IsUrl(rest) ? [$"{Prefix}{name}=[{{url: \"{rest[1..].Trim()}\"}}]"]
            : SpecFields.Of(typeof(Operations)).Any(field => field.Name == first) ? [$"{Prefix}{path}{rest}"]
            : [assignment];
    }

    /// <summary>Whether the value is one receiver's URL and not YAML of receivers.</summary>
    private static bool IsUrl(string rest) =>
        rest.Length > 1 && rest[1..].Trim() is var value && value is not ("" or "null" or "~") && !value.Any(" [{\"'".Contains);

    private static (bool IsField, JsonNode? Value) Find(JsonNode fields, SpecPath path)
    {
        JsonNode? node = fields;
        foreach (var segment in path.Segments)
        {
            switch (node)
            {
                case JsonObject section when section.ContainsKey(segment):
                    node = section[segment];
                    break;
                case JsonArray list when SpecPath.Index(segment) is { } index && index < list.Count:
                    node = list[index];
                    break;
                case null:
                    // A part of a section that the run has not.
                    return (true, null);
                default:
                    return (false, null);
            }
        }

        return (true, node);
    }

    private static string Text(JsonNode? node) =>
        node is JsonValue value && value.TryGetValue<string>(out var text)
            ? text
            : node?.ToJsonString(CanonicalJson.StrictOptions) ?? "null";
}
