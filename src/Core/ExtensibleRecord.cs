using System.Text.Json;
using System.Text.Json.Serialization;

namespace Slowrun.Core;

/// <summary>
/// A record that is stored or sent from one silo to another, so that other versions of slowrun read it. Members that this version does not
/// know are kept and written back: an older silo that changes a document loses nothing a newer one wrote. What may change in which way:
/// <c>docs/compatibility.md</c>.
/// </summary>
public abstract partial record ExtensibleRecord
{
    /// <summary>Members of a newer version; null: none. Never in a spec file, where an unknown member is a spelling mistake.</summary>
    [JsonExtensionData]
    public UnknownMembers? Unknown { get; init; }
}

/// <summary>Members by name; two of the same content are equal, so that records with them compare as records do.</summary>
public sealed class UnknownMembers : Dictionary<string, JsonElement>
{
    public UnknownMembers()
        : base(StringComparer.Ordinal) { }

    public override bool Equals(object? obj) =>
        obj is UnknownMembers other
        && Count == other.Count
        && this.All(member => other.TryGetValue(member.Key, out var value) && JsonElement.DeepEquals(member.Value, value));

    public override int GetHashCode() => Keys.Aggregate(Count, (hash, name) => hash ^ StringComparer.Ordinal.GetHashCode(name));
}
