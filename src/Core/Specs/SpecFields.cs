using System.Collections.Concurrent;
using System.ComponentModel.DataAnnotations;
using System.Reflection;
using System.Runtime.CompilerServices;
using System.Text.Json;

namespace Slowrun.Core.Specs;

/// <summary>A field of a spec record, as a spec names it.</summary>
/// <param name="Range">Of its number, or of each number of its list; null: any.</param>
internal sealed record SpecField(string Name, Type Type, bool Required, RangeAttribute? Range);

/// <summary>The fields that spec records have: the records themselves are the schema.</summary>
internal static class SpecFields
{
    private static readonly ConcurrentDictionary<Type, IReadOnlyList<SpecField>> Known = new();

    public static IReadOnlyList<SpecField> Of(Type record) =>
        Known.GetOrAdd(
            record,
            type =>
                [
                    .. type.GetProperties(BindingFlags.Public | BindingFlags.Instance)
                        .Where(property => property.CanWrite && property.DeclaringType != typeof(ExtensibleRecord))
                        .Select(property => new SpecField(
                            JsonNamingPolicy.CamelCase.ConvertName(property.Name),
                            property.PropertyType,
                            property.IsDefined(typeof(RequiredMemberAttribute)) || IsParameter(type, property),
                            property.GetCustomAttribute<RangeAttribute>()
                        )),
                ]
        );

    /// <summary>Whether a positional record has no value of it unless one is given: it would be 0.</summary>
    private static bool IsParameter(Type type, PropertyInfo property) =>
        property.PropertyType.IsValueType
        && Nullable.GetUnderlyingType(property.PropertyType) is null
        && type.GetConstructors().SelectMany(one => one.GetParameters()).Any(one => one.Name == property.Name && !one.HasDefaultValue);

    public static bool IsRecord(Type type) => type.IsClass && type.Namespace == typeof(Recipes.Recipe).Namespace;

    /// <summary>The entries' type of a list; null for anything else.</summary>
    public static Type? EntryOf(Type type) =>
        type.IsGenericType && type.GetGenericTypeDefinition() == typeof(IReadOnlyList<>) ? type.GetGenericArguments()[0] : null;

    /// <summary>Whether it is a section whose fields have any names, and texts as values.</summary>
    public static bool IsTexts(Type type) => type == typeof(IReadOnlyDictionary<string, string>);

    /// <summary>Paths below a record whose last field has this name: 'epochs' is at 'stage.epochs'.</summary>
    public static IEnumerable<string> Places(Type record, string name, string prefix = "") =>
        Of(record)
            .SelectMany(field =>
                (IEnumerable<string>)
                    [
                        .. prefix.Length > 0 && field.Name == name ? [$"{prefix}{field.Name}"] : Array.Empty<string>(),
                        .. IsRecord(field.Type) ? Places(field.Type, name, $"{prefix}{field.Name}.") : [],
                    ]
            );
}
