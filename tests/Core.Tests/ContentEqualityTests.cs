using System.Collections;
using System.Reflection;
using System.Runtime.CompilerServices;
using System.Text.Json.Nodes;
using Slowrun.Core.Presets;
using Slowrun.Core.Recipes;
using Slowrun.Core.Specs;
using Slowrun.Core.Stages;

namespace Slowrun.Core.Tests;

/// <summary>Two records of the same content are equal, whatever they hold: a record's own equality compares lists by reference.</summary>
public sealed class ContentEqualityTests
{
    // A private one is its class's own business.
    private static readonly Type[] Records =
    [
        .. typeof(RunSpec)
            .Assembly.GetTypes()
            .Where(type =>
                type is { IsAbstract: false, ContainsGenericParameters: false, IsNestedPrivate: false }
                && type.GetMethod("PrintMembers", BindingFlags.Instance | BindingFlags.NonPublic) is not null
            ),
    ];

    private static readonly Type[] OtherHolders = [typeof(JsonNode), typeof(UnknownMembers)];

    public static TheoryData<string> Presets => [.. PresetFiles.Names];

    [Fact]
    public void Record_OfTheSameContent_IsEqual() =>
        Assert.Empty(
            Records
                .Where(type =>
                    Sample(type) is var one
                    && Sample(type) is var other
                    && !(one!.Equals(other) && one.GetHashCode() == other!.GetHashCode())
                )
                .Select(type => type.FullName)
        );

    [Fact]
    public void Record_OfWhichOneMemberIsAnother_IsNotEqual()
    {
        var lists = 0;
        foreach (var (type, field) in Records.SelectMany(type => FieldsOf(type).Select(field => (type, field))))
        {
            var (one, other) = (Sample(type)!, Sample(type)!);
            var held = Held(field.FieldType);
            var before = field.GetValue(other);
            field.SetValue(
                other,
                held is not null ? Filled(field.FieldType, held, [])
                    : field.FieldType.IsValueType ? Activator.CreateInstance(field.FieldType)
                    : null
            );
            if (!Equals(before, field.GetValue(other)))
            {
                Assert.False(one.Equals(other), $"{type.FullName}.{field.Name} does not count.");
                lists += held is null ? 0 : 1;
            }
        }

        Assert.True(lists > 80, $"Only {lists} lists and dictionaries were found.");
    }

    [Theory]
    [MemberData(nameof(Presets))]
    public void Spec_ReadTwice_IsEqual(string preset)
    {
        var spec = SpecReader.FromPreset(preset);

        var again = CanonicalJson.Deserialize<RunSpec>(CanonicalJson.Serialize(spec), preset);

        Assert.Equal(spec, again);
        Assert.Equal(spec.GetHashCode(), again.GetHashCode());
        Assert.NotEqual(spec, again with { Recipe = again.Recipe with { Seed = again.Recipe.Seed + 1 } });
    }

    [Fact]
    public void Intent_WithMembersOfANewerVersionInAnyOrder_IsEqual()
    {
        static RunIntent Read(string json) => CanonicalJson.Deserialize<RunIntent>(System.Text.Encoding.UTF8.GetBytes(json), "intent");
        var one = Read("""{"retries":{"a":1,"b":2},"new":{"x":[1]},"newer":1}""");
        var other = Read("""{"newer":1,"retries":{"b":2,"a":1},"new":{"x":[1]}}""");

        Assert.Equal(one, other);
        Assert.Equal(one.GetHashCode(), other.GetHashCode());
        Assert.NotEqual(one, Read("""{"retries":{"a":1,"b":2},"new":{"x":[2]},"newer":1}"""));
    }

    /// <summary>A value of a field, every time another object of the same content; null: the type has no content of its own.</summary>
    private static object? Sample(Type type, int depth = 0)
    {
        if (Held(type) is { } held)
        {
            return Filled(type, held, [.. held.Select(each => Sample(each, depth + 1))]);
        }

        var value = Nullable.GetUnderlyingType(type) ?? type;
        if (value != typeof(string) && value.IsAssignableTo(typeof(IEnumerable)) && !OtherHolders.Any(value.IsAssignableTo))
        {
            throw new NotSupportedException($"No {value} is made here yet: see whether ContentEquality compares it.");
        }

        return value == typeof(string) ? "a"
            : value == typeof(JsonObject) || value == typeof(JsonNode) ? JsonNode.Parse("""{"a":[1]}""")
            : value == typeof(UnknownMembers) ? CanonicalJson.Deserialize<RunIntent>("""{"new":[1]}"""u8, "intent").Unknown
            : value == typeof(bool) ? true
            : value.IsEnum ? Enum.GetValues(value).GetValue(0)
            : value.IsPrimitive ? Convert.ChangeType(1, value, System.Globalization.CultureInfo.InvariantCulture)
            : value.IsValueType && !Records.Contains(value) ? RuntimeHelpers.GetUninitializedObject(value)
            : value == typeof(SpecNode) ? Sample(typeof(SpecScalar), depth)
            : Records.Contains(value) && depth < 6 ? Made(value, depth)
            : null;
    }

    private static object Made(Type record, int depth)
    {
        var made = RuntimeHelpers.GetUninitializedObject(record);
        foreach (var field in FieldsOf(record))
        {
            field.SetValue(made, Sample(field.FieldType, depth + 1));
        }

        return made;
    }

    /// <summary>What a list, set or dictionary holds; null: it is none.</summary>
    private static Type[]? Held(Type type) =>
        type.IsGenericType
        && type.GetGenericTypeDefinition() is var of
        && (of == typeof(IReadOnlyList<>) || of == typeof(IReadOnlySet<>) || of == typeof(IReadOnlyDictionary<,>))
            ? type.GetGenericArguments()
            : null;

    /// <param name="item">What it holds one of: nothing, or as <paramref name="held"/>.</param>
    private static object Filled(Type type, Type[] held, object?[] item)
    {
        var kind =
            held.Length == 2 ? typeof(Dictionary<,>)
            : type.GetGenericTypeDefinition() == typeof(IReadOnlySet<>) ? typeof(HashSet<>)
            : typeof(List<>);
        var made = kind.MakeGenericType(held);
        var collection = Activator.CreateInstance(made)!;
        if (item.Length > 0)
        {
            made.GetMethod("Add", held)!.Invoke(collection, item);
        }

        return collection;
    }

    private static IEnumerable<FieldInfo> FieldsOf(Type type) =>
        (type.BaseType is { } above && above != typeof(object) && above != typeof(ValueType) ? FieldsOf(above) : []).Concat(
            type.GetFields(BindingFlags.Instance | BindingFlags.Public | BindingFlags.NonPublic | BindingFlags.DeclaredOnly)
        );
}
