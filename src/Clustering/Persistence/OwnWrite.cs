using System.Diagnostics.CodeAnalysis;
using System.Text.Json;
using Slowrun.Storage;

namespace Slowrun.Clustering.Persistence;

/// <summary>Distinguishes a lost race from one's own earlier write, whose answer was lost before the store tried again.</summary>
internal static class OwnWrite
{
    /// <summary>
    /// Whether what was found is <paramref name="written"/> by its <c>writeId</c>, which is fresh with every write. Equal bytes without one
    /// may be another writer's; other bytes with the same one are ours, damaged since.
    /// </summary>
    public static bool Is([NotNullWhen(true)] StoredObject? found, ReadOnlySpan<byte> written) =>
        found is not null && found.Content.Span.SequenceEqual(written) && HasWriteId(found.Content);

    /// <summary>The message for a writer that has lost a race.</summary>
    public static string Conflict(IObjectStore store, string name, string? expected, string? found) =>
        $"'{name}' in {store.Address} was changed by another writer: found {Etag(found)}, expected {Etag(expected)}. Read it again before writing.";

    private static bool HasWriteId(ReadOnlyMemory<byte> document)
    {
        using var json = JsonDocument.Parse(document);
        return json.RootElement.ValueKind == JsonValueKind.Object
            && json.RootElement.TryGetProperty("writeId", out var id)
            && id.ValueKind == JsonValueKind.String
            && id.GetString() is { Length: > 0 };
    }

    private static string Etag(string? etag) => etag is null ? "no object" : $"etag {etag}";
}
