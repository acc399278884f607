using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using Slowrun.Core.Recipes;

namespace Slowrun.Core.Specs;

/// <summary>Writes a resolved spec as YAML that <see cref="SpecReader"/> reads back as the same spec.</summary>
public static class SpecWriter
{
    public static string Yaml(RunSpec spec)
    {
        var text = new StringBuilder();
        Section(text, JsonSerializer.SerializeToNode(spec, CanonicalJson.Options)!.AsObject(), 0);
        return text.ToString();
    }

    private static void Section(StringBuilder text, JsonObject section, int depth)
    {
        foreach (var (name, value) in section)
        {
            text.Append(' ', 2 * depth).Append(name).Append(':');
            Value(text, value, depth);
        }
    }

    private static void Value(StringBuilder text, JsonNode? value, int depth)
    {
        switch (value)
        {
            case JsonObject { Count: > 0 } inner:
                text.Append('\n');
                Section(text, inner, depth + 1);
                break;
            case JsonArray { Count: > 0 } list when list.All(item => item is JsonObject):
                text.Append('\n');
                foreach (var item in list)
                {
                    // A dash takes the place of the two spaces before an entry's first field.
                    var entry = new StringBuilder();
                    Section(entry, item!.AsObject(), depth + 2);
                    entry[(2 * depth) + 2] = '-';
                    text.Append(entry);
                }

                break;
            default:
                text.Append(' ').Append(Scalar(value)).Append('\n');
                break;
        }
    }

    // JSON is YAML: quoted text and numbers stand as they are; plain words need no quotes.
    private static string Scalar(JsonNode? value) =>
        value is JsonValue scalar && scalar.TryGetValue<string>(out var word) && word.Length > 0 && word.All(c => char.IsAsciiLetter(c) || c == '-')
            && word is not ("null" or "true" or "false")
            ? word
            : value?.ToJsonString(CanonicalJson.Options) ?? "null";
}
