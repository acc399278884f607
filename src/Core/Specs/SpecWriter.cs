using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using System.Text.Json.Serialization;
using Slowrun.Core.Recipes;

namespace Slowrun.Core.Specs;

/// <summary>Writes a resolved spec as YAML that <see cref="SpecReader"/> reads back as the same spec.</summary>
public static class SpecWriter
{
    private const int CommentColumn = 44;

    internal static JsonSerializerOptions WithNulls { get; } =
        new(CanonicalJson.StrictOptions) { DefaultIgnoreCondition = JsonIgnoreCondition.Never };

    public static string Yaml(RunSpec spec) => Yaml(spec, null);

    /// <summary>With the comments of the files it was made of beside their values; an overridden value says where it comes from.</summary>
    public static string Yaml(ResolvedSpec resolved)
    {
        ArgumentNullException.ThrowIfNull(resolved);
        return Yaml(resolved.Spec, resolved.Notes);
    }

    private static string Yaml(RunSpec spec, SpecNotes? notes)
    {
        var text = new StringBuilder();
        foreach (var line in notes?.Header ?? [])
        {
            text.Append(Comment(line)).Append('\n');
        }

        new Writer(text, notes).Section(
            JsonSerializer.SerializeToNode(spec, WithNulls)!.AsObject(),
            JsonSerializer.SerializeToNode(spec, CanonicalJson.StrictOptions)!.AsObject(),
            0,
            ""
        );
        return text.ToString();
    }

    private static string Comment(string line) => line.Length == 0 ? "#" : $"# {line}";

    // JSON is YAML: quoted text and numbers stand as they are; plain words and times need no quotes.
    private static string Scalar(JsonNode? value) =>
        value is JsonArray list ? $"[{string.Join(", ", list.Select(Scalar))}]"
        : value is not JsonValue scalar || !scalar.TryGetValue<string>(out var word)
            ? value?.ToJsonString(CanonicalJson.StrictOptions) ?? "null"
        : Duration.ShortForm(word) is { } time ? time
        : word.Length > 0
        && char.IsAsciiLetter(word[0])
        && word.All(c => char.IsAsciiLetterOrDigit(c) || c == '-')
        && word is not ("null" or "true" or "false")
            ? word
        : value.ToJsonString(CanonicalJson.StrictOptions);

    private sealed class Writer(StringBuilder text, SpecNotes? notes)
    {
        /// <param name="given">The section without fields that are null by default: these are written only where there is something to
        /// say.</param>
        public void Section(JsonObject section, JsonObject given, int depth, string path, string? dash = null)
        {
            foreach (var (name, value) in section)
            {
                var at = path.Length == 0 ? name : $"{path}.{name}";
                if (value is not null || given.ContainsKey(name) || notes?[at] is not null)
                {
                    Field(name, value, given[name], depth, at, dash);
                    dash = null;
                }
            }
        }

        private void Field(string name, JsonNode? value, JsonNode? given, int depth, string path, string? dash)
        {
            Above(notes?[path], depth);
            var from = text.Length;
            text.Append(' ', 2 * (depth - (dash is null ? 0 : 1))).Append(dash).Append(name).Append(':');
            switch (value)
            {
                case JsonObject { Count: > 0 } inner:
                    End(from, path);
                    Section(inner, given!.AsObject(), depth + 1, path);
                    break;
                case JsonArray { Count: > 0 } list when list.All(item => item is JsonObject { Count: > 0 }):
                    End(from, path);
                    for (var i = 0; i < list.Count; i++)
                    {
                        Above(notes?[$"{path}[{i}]"], depth + 1);
                        Section(list[i]!.AsObject(), given![i]!.AsObject(), depth + 2, $"{path}[{i}]", "- ");
                    }

                    break;
                default:
                    text.Append(' ').Append(Scalar(value));
                    End(from, path);
                    break;
            }
        }

        private void Above(SpecNote? note, int depth)
        {
            foreach (var line in note?.Above ?? [])
            {
                text.Append(' ', 2 * depth).Append(Comment(line)).Append('\n');
            }
        }

        /// <summary>Ends a line, with its comment.</summary>
        private void End(int from, string path)
        {
            if (notes?[path]?.Beside is { } beside)
            {
                text.Append(' ', Math.Max(1, CommentColumn - (text.Length - from))).Append(Comment(beside));
            }

            text.Append('\n');
        }
    }
}
