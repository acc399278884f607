using System.Collections;
using System.Collections.Concurrent;
using System.Reflection;
using System.Text.Json.Nodes;

namespace Slowrun.Core;

/// <summary>
/// Equality of records that hold lists, dictionaries, sets or JSON: field by field, as a record's own, but what these hold is compared. A
/// record's own compares them by reference, so that two readings of one document would differ.
/// </summary>
internal static class ContentEquality
{
    private static readonly ConcurrentDictionary<Type, FieldInfo[]> Fields = new();
    private static readonly EqualityComparer<object?> Content = EqualityComparer<object?>.Create(IsSame);

    public static bool Same<T>(T one, T? other)
        where T : class =>
        ReferenceEquals(one, other)
        || (other is not null && FieldsOf(typeof(T)).All(field => IsSame(field.GetValue(one), field.GetValue(other))));

    public static int Hash<T>(T of)
        where T : class
    {
        var hash = new HashCode();
        foreach (var field in FieldsOf(typeof(T)))
        {
            hash.Add(HashOf(field.GetValue(of)));
        }

        return hash.ToHashCode();
    }

    private static bool IsSame(object? one, object? other) =>
        Equals(one, other)
        || (one, other) switch
        {
            (JsonNode a, JsonNode b) => JsonNode.DeepEquals(a, b),
            (IDictionary a, IDictionary b) => a.Count == b.Count
                && a.Keys.Cast<object>().All(key => b.Contains(key) && IsSame(a[key], b[key])),
            (IReadOnlySet<string> a, IReadOnlySet<string> b) => a.SetEquals(b),
            (IEnumerable a, IEnumerable b) => a.Cast<object?>().SequenceEqual(b.Cast<object?>(), Content),
            _ => false,
        };

    private static int HashOf(object? value) =>
        value switch
        {
            null => 0,
            // Its members' numbers may be written in several ways.
            JsonNode node => (int)node.GetValueKind(),
            UnknownMembers members => members.GetHashCode(),
            // In no order.
            IDictionary dictionary => dictionary.Keys.Cast<object>().Aggregate(dictionary.Count, (hash, key) => hash ^ key.GetHashCode()),
            IReadOnlySet<string> set => set.Aggregate(set.Count, (hash, one) => hash ^ one.GetHashCode(StringComparison.Ordinal)),
            string text => text.GetHashCode(StringComparison.Ordinal),
            IEnumerable list => list.Cast<object?>().Aggregate(0, (hash, one) => HashCode.Combine(hash, HashOf(one))),
            _ => value.GetHashCode(),
        };

    /// <summary>All that it stores, its bases' too.</summary>
    private static FieldInfo[] FieldsOf(Type record) =>
        Fields.GetOrAdd(
            record,
            static type =>
            {
                var fields = new List<FieldInfo>();
                for (var at = type; at is not null; at = at.BaseType)
                {
                    fields.AddRange(
                        at.GetFields(BindingFlags.Instance | BindingFlags.Public | BindingFlags.NonPublic | BindingFlags.DeclaredOnly)
                    );
                }

                return [.. fields];
            }
        );
}
