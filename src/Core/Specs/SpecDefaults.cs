using System.Globalization;
using System.Text.Json;
using System.Text.Json.Nodes;
using Slowrun.Core.Recipes;

namespace Slowrun.Core.Specs;

/// <summary>The defaults that spec records have at their properties, by path.</summary>
internal static class SpecDefaults
{
    /// <summary>The default of a field, as a spec would write it. Null: the field has no default, is a section or a list, or <paramref
    /// name="value"/> is the default.</summary>
    /// <param name="path">For example <c>recipe.stage.epochs</c>.</param>
    public static string? Overridden(string path, SpecScalar value)
    {
        var segments = path.Replace("[", ".[", StringComparison.Ordinal).Split('.');
        var record = segments[0] switch
        {
            "recipe" => typeof(Recipe),
            "operations" => typeof(Operations),
            _ => null,
        };
        for (var i = 1; record is not null && i < segments.Length; i++)
        {
            var field = SpecFields.Of(record).FirstOrDefault(field => field.Name == segments[i]);
            if (field is null || i == segments.Length - 1)
            {
                return
                    field is { Required: false } && !SpecFields.IsRecord(Plain(field.Type)) && SpecFields.EntryOf(Plain(field.Type)) is null
                    ? Differing(record, field, value)
                    : null;
            }

            var type = Plain(field.Type);
            // A patch of the stage has no defaults: what it leaves out is the stage's.
            record =
                SpecFields.EntryOf(type) is { } entry && segments[i + 1][0] == '[' && SpecFields.IsRecord(entry) ? entry
                : SpecFields.IsRecord(type) ? type
                : null;
            i += record is not null && segments[i + 1][0] == '[' ? 1 : 0;
        }

        return null;
    }

    private static string? Differing(Type record, SpecField field, SpecScalar value)
    {
        if (record.GetConstructor(Type.EmptyTypes) is null)
        {
            return null;
        }

        var found = JsonSerializer.SerializeToNode(Activator.CreateInstance(record), record, CanonicalJson.StrictOptions)?[field.Name];
        var written = Text(found);
        return Same(field.Type, written, value.IsNull ? "null" : value.Text) ? null : written;
    }

    private static string Text(JsonNode? value) =>
        value is JsonValue scalar && scalar.TryGetValue<string>(out var text)
            ? Duration.ShortForm(text) ?? text
            : value?.ToJsonString(CanonicalJson.StrictOptions) ?? "null";

    private static bool Same(Type type, string a, string b) =>
        string.Equals(a, b, StringComparison.OrdinalIgnoreCase)
        || (
            double.TryParse(a, NumberStyles.Float, CultureInfo.InvariantCulture, out var x)
            && double.TryParse(b, NumberStyles.Float, CultureInfo.InvariantCulture, out var y)
            && x.Equals(y)
        )
        || (Plain(type) == typeof(TimeSpan) && Duration.TryParse(a, out var s) && Duration.TryParse(b, out var t) && s == t);

    private static Type Plain(Type type) => Nullable.GetUnderlyingType(type) ?? type;
}
