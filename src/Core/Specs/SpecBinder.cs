using System.ComponentModel.DataAnnotations;
using System.Globalization;
using System.Text.Json.Nodes;
using System.Text.RegularExpressions;
using Slowrun.Core.Recipes;

namespace Slowrun.Core.Specs;

/// <summary>Turns nodes into JSON of the records' types, and collects everything that does not fit.</summary>
internal sealed class SpecBinder
{
    // A longer list of problems helps no reader.
    private const int MostProblems = 100;

    private readonly List<SpecProblem> problems = [];
    private readonly HashSet<string> unread = new(StringComparer.Ordinal);
    private bool more;

    public IReadOnlyList<SpecProblem> Problems => problems;

    public void Add(SpecMark mark, string path, string message)
    {
        var problem = new SpecProblem(mark.Source, mark.Line, mark.Column, path, message);
        if (problems.Count == MostProblems)
        {
            more = true;
        }
        else
        {
            problems.Add(problem);
        }
    }

    /// <summary>
    /// Adds a broken rule, unless it compares a field that could not be read and has a default meanwhile: a rule's message names every
    /// field that it looks at.
    /// </summary>
    public void AddRule(SpecMark mark, string path, string message)
    {
        if (!Words($"{path} {message}").Any(unread.Contains))
        {
            Add(mark, path, message);
        }
    }

    private static IEnumerable<string> Words(string text) => Regex.Split(text, "[^A-Za-z0-9]+");

    /// <exception cref="SpecException">There is a problem; the same thing said twice is said once.</exception>
    public void ThrowIfAny()
    {
        if (problems.Count > 0)
        {
            throw new SpecException(
                [
                    .. problems.Distinct(),
                    .. more
                        ? [new SpecProblem(problems[0].Source, 0, 0, "", "there are more; mend these first.")]
                        : Array.Empty<SpecProblem>(),
                ]
            );
        }
    }

    /// <param name="node">Null, or a null scalar: the default.</param>
    public JsonObject Bind(SpecNode? node, Type record, string path) =>
        node is null or SpecScalar { IsNull: true } ? [] : Record(node, record, path, patch: false) as JsonObject ?? [];

    /// <summary>Notes what is wrong with a node only now; what has been said of its parts is not said again under another path.</summary>
    public void BindAgain(SpecNode node, Type record, string path)
    {
        var again = new SpecBinder();
        again.Bind(node, record, path);
        foreach (
            var problem in again.problems.Where(found => !problems.Exists(said => said with { Path = "" } == found with { Path = "" }))
        )
        {
            Add(new SpecMark(problem.Source, problem.Line, problem.Column), problem.Path, problem.Message);
        }
    }

    public void RefuseUnknown(SpecMapping mapping, IReadOnlyList<string> known, string path, Type record)
    {
        foreach (var entry in mapping.Entries.Where(entry => !known.Contains(entry.Key)).Take(MostProblems + 1))
        {
            if (Nearest.To(entry.Key, known) is { } meant)
            {
                unread.Add(meant);
            }

            var elsewhere = SpecFields.Places(record, entry.Key).FirstOrDefault();
            var operation =
                record == typeof(Recipe) ? Nearest.To(entry.Key, SpecFields.Of(typeof(Operations)).Select(field => field.Name)) : null;
            var hint =
                elsewhere is not null ? $" Did you mean '{elsewhere}'?"
                : Nearest.To(entry.Key, known) is null && operation is not null ? $" Did you mean 'operations.{operation}'?"
                : Nearest.Hint(entry.Key, known);
            Add(
                entry.KeyMark,
                path,
                $"there is no field '{SpecProblem.Shortened(entry.Key)}' here.{hint} There are: {string.Join(", ", known)}."
            );
        }
    }

    /// <param name="patch">A merge patch of the record: fields may be missing, and null stays null.</param>
    /// <returns>Null where it cannot be read; why has been noted.</returns>
    private JsonNode? Record(SpecNode node, Type record, string path, bool patch)
    {
        if (node is not SpecMapping mapping)
        {
            return Mistyped(node, path, "a section with fields");
        }

        var fields = SpecFields.Of(record);
        RefuseUnknown(mapping, [.. fields.Select(field => field.Name)], path, record);
        var (result, whole) = (new JsonObject(), true);
        foreach (var field in fields)
        {
            var value = mapping.Find(field.Name)?.Value;
            if (value is SpecScalar { IsNull: true } && patch)
            {
                result[field.Name] = null;
            }
            else if (value is not null and not SpecScalar { IsNull: true })
            {
                if (Value(value, field.Type, field.Range, $"{path}.{field.Name}", patch) is { } read)
                {
                    result[field.Name] = read;
                }
                else
                {
                    unread.Add(field.Name);
                    whole &= !field.Required;
                }
            }
            else if (field.Required && !patch)
            {
                Add(mapping.Mark, path, $"the field '{field.Name}' is missing and has no default.");
                whole = false;
            }
        }

        return whole ? result : null;
    }

    private JsonNode? Value(SpecNode node, Type type, RangeAttribute? range, string path, bool patch)
    {
        type = Nullable.GetUnderlyingType(type) ?? type;
        if (type == typeof(JsonObject))
        {
            // The only open fields are a chain's patches of the stage.
            return Record(node, typeof(StageRecipe), path, patch: true);
        }

        if (SpecFields.IsTexts(type))
        {
            return node is SpecMapping texts ? Texts(texts, path) : Mistyped(node, path, "a section with fields");
        }

        if (SpecFields.EntryOf(type) is { } entryType)
        {
            return node is SpecSequence sequence
                ? new JsonArray(
                    [
                        .. sequence
                            .Items.Select((item, i) => Value(item, entryType, range, $"{path}[{i}]", patch))
                            .Where(item => item is not null),
                    ]
                )
                : Mistyped(node, path, "a list");
        }

        return SpecFields.IsRecord(type) ? Record(node, type, path, patch)
            : node is SpecScalar scalar ? InRange(scalar, Scalar(scalar, type, path), range, path)
            : Mistyped(node, path, Expected(type));
    }

    private JsonObject Texts(SpecMapping mapping, string path)
    {
        var texts = new JsonObject();
        foreach (var entry in mapping.Entries)
        {
            if (entry.Value is SpecScalar scalar)
            {
                texts[entry.Key] = scalar.Text;
            }
            else
            {
                Mistyped(entry.Value, $"{path}.{SpecProblem.Shortened(entry.Key)}", Expected(typeof(string)));
            }
        }

        return texts;
    }

    private JsonNode? InRange(SpecScalar scalar, JsonNode? number, RangeAttribute? range, string path) =>
        number is null
        || range is null
        || SpecRange.Holds(range, double.Parse(scalar.Text, NumberStyles.Float, CultureInfo.InvariantCulture))
            ? number
            : Mistyped(scalar, path, SpecRange.Text(range));

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
            return name is not null
                ? JsonValue.Create(name)
                : Mistyped(scalar, path, Expected(type), Nearest.Hint(text, Enum.GetNames(type)));
        }

        if (type == typeof(TimeSpan))
        {
            return Duration.TryParse(text, out var duration)
                ? JsonValue.Create(duration.ToString("c", CultureInfo.InvariantCulture))
                : Mistyped(scalar, path, Expected(type));
        }

        if (
            plain
            && (type == typeof(int) || type == typeof(long))
            && long.TryParse(text, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out var whole)
        )
        {
            return type == typeof(long) || whole is >= int.MinValue and <= int.MaxValue
                ? JsonValue.Create(whole)
                : Mistyped(scalar, path, $"a whole number up to {int.MaxValue.ToString(CultureInfo.InvariantCulture)}");
        }

        if (
            plain
            && type == typeof(double)
            && double.TryParse(text, NumberStyles.Float, CultureInfo.InvariantCulture, out var number)
            && double.IsFinite(number)
        )
        {
            // -0 is 0: one recipe has one hash.
            return JsonValue.Create(number == 0 ? 0 : number);
        }

        if (plain && IsOutOfReach(text, type) is { } reach)
        {
            return Mistyped(scalar, path, reach);
        }

        if (plain && type == typeof(bool) && bool.TryParse(text, out var truth))
        {
            return JsonValue.Create(truth);
        }

        return Mistyped(scalar, path, Expected(type));
    }

    /// <summary>What is expected instead of a number that its type cannot hold; null: it is no number, or none of those.</summary>
    private static string? IsOutOfReach(string text, Type type) =>
        !double.TryParse(text, NumberStyles.Float, CultureInfo.InvariantCulture, out var number) ? null
        : type == typeof(double) && !double.IsFinite(number) ? "a finite number such as 0.4"
        : (type == typeof(int) || type == typeof(long))
        && Math.Abs(number) >= int.MaxValue
        && text.TrimStart('+', '-').All(char.IsAsciiDigit)
            ? $"a whole number up to {(type == typeof(int) ? int.MaxValue : long.MaxValue).ToString(CultureInfo.InvariantCulture)}"
        : null;

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
            // A webhook's URL in the wrong place is a secret all the same.
            SpecScalar when path.StartsWith("operations.notify", StringComparison.Ordinal) => "a text",
            SpecScalar { Quoted: true } scalar => $"the text '{SpecProblem.Shortened(scalar.Text)}'",
            SpecScalar scalar => $"'{SpecProblem.Shortened(scalar.Text)}'",
            SpecSequence => "a list",
            _ => "a section",
        };
        Add(node.Mark, path, $"found {found}, expected {expected}.{hint}");
        return null;
    }
}
