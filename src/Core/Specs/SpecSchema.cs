using System.ComponentModel.DataAnnotations;
using System.Text.Json;
using System.Text.Json.Nodes;
using Slowrun.Core.Presets;
using Slowrun.Core.Recipes;

namespace Slowrun.Core.Specs;

/// <summary>
/// The JSON Schema (draft 2020-12) of a spec file, made of the records: what an editor completes and checks. Rules between fields are
/// the reader's alone, and so is what must be given, since a spec may take it from the preset that it extends.
/// </summary>
public static class SpecSchema
{
    private const string Times = @"^(\d+(\.\d*)?(ms|s|m|h|d))+$|^(\d+\.)?\d\d:\d\d:\d\d(\.\d+)?$";

    public static JsonObject Of(SpecDescriptions descriptions)
    {
        ArgumentNullException.ThrowIfNull(descriptions);
        var definitions = new JsonObject();
        Define(typeof(Recipe), definitions, descriptions);
        Define(typeof(Operations), definitions, descriptions);
        return new JsonObject
        {
            ["$schema"] = "https://json-schema.org/draft/2020-12/schema",
            ["title"] = "Slowrun spec",
            ["description"] = "What a run is. Everything left out is the preset's that it extends, or has its default.",
            ["type"] = "object",
            ["additionalProperties"] = false,
            ["properties"] = new JsonObject
            {
                ["extends"] = new JsonObject
                {
                    ["description"] = "The preset to start from.",
                    ["enum"] = new JsonArray([.. PresetFiles.Names.Select(name => JsonValue.Create(name))]),
                },
                ["name"] = new JsonObject
                {
                    ["description"] = "The run's name; else the file's.",
                    ["type"] = "string",
                    ["pattern"] = RunNames.Pattern,
                },
                ["recipe"] = Reference(typeof(Recipe), descriptions.Of(typeof(Recipe))),
                ["operations"] = Reference(typeof(Operations), descriptions.Of(typeof(Operations))),
            },
            ["$defs"] = definitions,
        };
    }

    private static void Define(Type record, JsonObject definitions, SpecDescriptions descriptions)
    {
        if (definitions.ContainsKey(record.Name))
        {
            return;
        }

        var properties = new JsonObject();
        // Put there before its fields are looked at: a record may be in several places.
        definitions[record.Name] = new JsonObject
        {
            ["type"] = new JsonArray("object", "null"),
            ["additionalProperties"] = false,
            ["properties"] = properties,
        };
        var defaults = record.GetConstructor(Type.EmptyTypes) is null
            ? null
            : JsonSerializer.SerializeToNode(Activator.CreateInstance(record), record, CanonicalJson.StrictOptions)!.AsObject();
        foreach (var field in SpecFields.Of(record))
        {
            var property = Property(field.Type, field.Range, definitions, descriptions, descriptions.Of(record, field.Name));
            if (!field.Required && !SpecFields.IsRecord(field.Type) && defaults?[field.Name] is { } value)
            {
                property["default"] = field.Type == typeof(TimeSpan) ? Duration.Text(value.Deserialize<TimeSpan>()) : value.DeepClone();
            }

            properties[field.Name] = property;
        }
    }

    private static JsonObject Property(
        Type type,
        RangeAttribute? range,
        JsonObject definitions,
        SpecDescriptions descriptions,
        string? description
    )
    {
        type = Nullable.GetUnderlyingType(type) ?? type;
        type = type == typeof(JsonObject) ? typeof(StageRecipe) : type;
        if (SpecFields.IsRecord(type))
        {
            Define(type, definitions, descriptions);
            return Reference(type, description);
        }

        var property = new JsonObject { ["description"] = description };
        if (SpecFields.EntryOf(type) is { } entry)
        {
            property["type"] = new JsonArray("array", "null");
            property["items"] = Property(entry, range, definitions, descriptions, null);
        }
        else if (SpecFields.IsTexts(type))
        {
            property["type"] = new JsonArray("object", "null");
            property["additionalProperties"] = new JsonObject { ["type"] = "string" };
        }
        else if (type.IsEnum)
        {
            property["enum"] = new JsonArray([.. Enum.GetNames(type).Select(name => JsonValue.Create(name)), null]);
            property["description"] = string.Join(
                '\n',
                [
                    .. description is null ? Array.Empty<string>() : [description],
                    .. Enum.GetNames(type)
                        .Select(name => (name, text: descriptions.OfValue(type, name)))
                        .Where(value => value.text is not null)
                        .Select(value => $"{value.name}: {value.text}"),
                ]
            );
        }
        else
        {
            Scalar(property, type, range);
        }

        if (property["description"] is null)
        {
            property.Remove("description");
        }

        return property;
    }

    private static void Scalar(JsonObject property, Type type, RangeAttribute? range)
    {
        property["type"] = new JsonArray(
            type == typeof(bool) ? "boolean"
                : type == typeof(int) || type == typeof(long) ? "integer"
                : type == typeof(double) ? "number"
                : "string",
            "null"
        );
        if (type == typeof(TimeSpan))
        {
            property["pattern"] = Times;
        }

        if (range is not null)
        {
            property[range.MinimumIsExclusive ? "exclusiveMinimum" : "minimum"] = SpecRange.Minimum(range);
            if (!SpecRange.IsOpen(range))
            {
                property[range.MaximumIsExclusive ? "exclusiveMaximum" : "maximum"] = SpecRange.Maximum(range);
            }
        }
    }

    private static JsonObject Reference(Type record, string? description)
    {
        var reference = new JsonObject { ["$ref"] = $"#/$defs/{record.Name}" };
        if (description is not null)
        {
            reference["description"] = description;
        }

        return reference;
    }
}
