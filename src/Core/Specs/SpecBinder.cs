using System.Globalization;
using System.Text.Json.Nodes;
using Slowrun.Core.Recipes;

namespace Slowrun.Core.Specs;

/// <summary>Turns nodes into JSON of the records' types, and collects everything that does not fit.</summary>
internal sealed class SpecBinder
{
    private readonly List<SpecProblem> problems = [];

    public IReadOnlyList<SpecProblem> Problems => problems;

    public void Add(SpecMark mark, string path, string message) =>
        problems.Add(new SpecProblem(mark.Source, mark.Line, mark.Column, path, message));

    /// <exception cref="SpecException">There is a problem; the same thing said twice is said once.</exception>
    public void ThrowIfAny()
    {
        if (problems.Count > 0)
        {
            throw new SpecException([.. problems.Distinct()]);
        }
    }

    /// <param name="node">Null, or a null scalar: the default.</param>
    public JsonObject Bind(SpecNode? node, Type record, string path) =>
        node is null or SpecScalar { IsNull: true } ? [] : Record(node, record, path, patch: false) as JsonObject ?? [];

    public void RefuseUnknown(SpecMapping mapping, IReadOnlyList<string> known, string path, Type record)
    {
        foreach (var entry in mapping.Entries.Where(entry => !known.Contains(entry.Key)))
        {
            var elsewhere = SpecFields.Places(record, entry.Key).FirstOrDefault();
            var hint = elsewhere is not null
                ? $" Did you mean '{elsewhere}'?"
                : Nearest.Hint(entry.Key, known);
            Add(entry.KeyMark, path, $"there is no field '{entry.Key}' here.{hint} There are: {string.Join(", ", known)}.");
        }
    }

    /// <param name="patch">A merge patch of the record: fields may be missing, and null stays null.</param>
    private JsonNode? Record(SpecNode node, Type record, string path, bool patch)
    {
        if (node is not SpecMapping mapping)
        {
            return Mistyped(node, path, "a section with fields");
        }

        var fields = SpecFields.Of(record);
        RefuseUnknown(mapping, [.. fields.Select(field => field.Name)], path, record);
        var result = new JsonObject();
        foreach (var field in fields)
        {
            var value = mapping.Find(field.Name)?.Value;
            if (value is SpecScalar { IsNull: true } && patch)
            {
                result[field.Name] = null;
            }
            else if (value is not null and not SpecScalar { IsNull: true })
            {
                result[field.Name] = Value(value, field.Type, $"{path}.{field.Name}", patch);
            }
            else if (field.Required && !patch)
            {
                Add(mapping.Mark, path, $"the field '{field.Name}' is missing and has no default.");
            }
        }

        return result;
    }

    private JsonNode? Value(SpecNode node, Type type, string path, bool patch)
    {
        type = Nullable.GetUnderlyingType(type) ?? type;
        if (type == typeof(JsonObject))
        {
            // The only open fields are a chain's patches of the stage.
            return Record(node, typeof(StageRecipe), path, patch: true);
        }

        if (SpecFields.EntryOf(type) is { } entryType)
        {
            return node is SpecSequence sequence
                ? new JsonArray([.. sequence.Items.Select((item, i) => Value(item, entryType, $"{path}[{i}]", patch))])
                : Mistyped(node, path, "a list");
        }

        return SpecFields.IsRecord(type) ? Record(node, type, path, patch)
            : node is SpecScalar scalar ? Scalar(scalar, type, path)
            : Mistyped(node, path, Expected(type));
    }

    private JsonNode? Scalar(SpecScalar scalar, Type type, string path)
    {
        var text = scalar.Text;
        var plain = !scalar.Quoted;
        if (type == typeof(string))
        {
            return JsonValue.Create(text);
        }

        if (type.IsEnum)
        {
            var name = Enum.GetNames(type).FirstOrDefault(name => name.Equals(text, StringComparison.OrdinalIgnoreCase));
            return name is not null ? JsonValue.Create(name) : Mistyped(scalar, path, Expected(type), Nearest.Hint(text, Enum.GetNames(type)));
        }

        if (type == typeof(TimeSpan))
        {
            return Duration.TryParse(text, out var duration)
                ? JsonValue.Create(duration.ToString("c", CultureInfo.InvariantCulture))
                : Mistyped(scalar, path, Expected(type));
        }

        if (plain && (type == typeof(int) || type == typeof(long)) && long.TryParse(text, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out var whole))
        {
            return type == typeof(long) || whole is >= int.MinValue and <= int.MaxValue
                ? JsonValue.Create(whole)
                : Mistyped(scalar, path, $"a whole number up to {int.MaxValue.ToString(CultureInfo.InvariantCulture)}");
        }

        if (plain && type == typeof(double) && double.TryParse(text, NumberStyles.Float, CultureInfo.InvariantCulture, out var number) && double.IsFinite(number))
        {
            return JsonValue.Create(number);
        }

        if (plain && type == typeof(bool) && bool.TryParse(text, out var truth))
        {
            return JsonValue.Create(truth);
        }

        return Mistyped(scalar, path, Expected(type));
    }

    private static string Expected(Type type) =>
        type == typeof(int) || type == typeof(long) ? "a whole number such as 4"
        : type == typeof(double) ? "a number such as 0.4"
        : type == typeof(bool) ? "true or false"
        : type == typeof(TimeSpan) ? "a time such as 30s, 5m or 1h30m"
        : type.IsEnum ? $"one of {string.Join(", ", Enum.GetNames(type))}"
        : "text";

    private JsonNode? Mistyped(SpecNode node, string path, string expected, string hint = "")
    {
        var found = node switch
        {
            SpecScalar { Quoted: true } scalar => $"the text '{scalar.Text}'",
            SpecScalar scalar => $"'{scalar.Text}'",
            SpecSequence => "a list",
            _ => "a section",
        };
        Add(node.Mark, path, $"found {found}, expected {expected}.{hint}");
        return null;
    }
}
