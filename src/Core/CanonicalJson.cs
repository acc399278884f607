using System.Security.Cryptography;
using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Nodes;
using System.Text.Json.Serialization;
using System.Text.Json.Serialization.Metadata;

namespace Slowrun.Core;

/// <summary>
/// The one JSON form of specs, documents and wire messages: camel case, keys in ordinal order, no white space. Unknown members are refused,
/// but for those of an <see cref="ExtensibleRecord"/>, which are kept. The same value always gives the same bytes, so a hash of them
/// identifies it.
/// </summary>
public static class CanonicalJson
{
    public static JsonSerializerOptions Options { get; } = CreateOptions(keepUnknown: true);

    /// <summary>For files that people write: every unknown member is refused.</summary>
    public static JsonSerializerOptions StrictOptions { get; } = CreateOptions(keepUnknown: false);

    public static byte[] Serialize<T>(T value)
    {
        var node = JsonSerializer.SerializeToNode(value, Options);
        return JsonSerializer.SerializeToUtf8Bytes(Sorted(node), Options);
    }

    /// <exception cref="InvalidDataException">Not JSON, or not of this type; the message names <paramref name="what"/>.</exception>
    public static T Deserialize<T>(ReadOnlySpan<byte> utf8, string what) => Deserialize<T>(utf8, what, Options);

    /// <summary>As <see cref="Deserialize{T}(ReadOnlySpan{byte}, string)"/>, with every unknown member refused.</summary>
    /// <exception cref="InvalidDataException">Not JSON, or not of this type; the message names <paramref name="what"/>.</exception>
    public static T DeserializeStrictly<T>(ReadOnlySpan<byte> utf8, string what) => Deserialize<T>(utf8, what, StrictOptions);

    private static T Deserialize<T>(ReadOnlySpan<byte> utf8, string what, JsonSerializerOptions options)
    {
        try
        {
            return JsonSerializer.Deserialize<T>(utf8, options)
                ?? throw new InvalidDataException($"'{what}' holds null, not a {typeof(T).Name}.");
        }
        catch (JsonException e)
        {
            throw new InvalidDataException($"'{what}' cannot be read as {typeof(T).Name}: {e.Message}", e);
        }
    }

    /// <summary>Lower-case hex SHA-256 of the canonical bytes.</summary>
    public static string Sha256<T>(T value) => Convert.ToHexStringLower(SHA256.HashData(Serialize(value)));

    /// <summary>Whether a text is written as the SHA-256 of something: 64 lower-case hex digits.</summary>
    public static bool IsSha256(string text) => text is { Length: 64 } && text.All(char.IsAsciiHexDigitLower);

    /// <summary>Applies a merge patch (RFC 7396): objects are merged, null removes, everything else replaces.</summary>
    public static T Patched<T>(T value, JsonObject? patch, string what)
    {
        if (patch is null)
        {
            return value;
        }

        var node = Merged(JsonSerializer.SerializeToNode(value, Options), patch);
        return Deserialize<T>(JsonSerializer.SerializeToUtf8Bytes(node, Options), what);
    }

    private static JsonNode? Merged(JsonNode? target, JsonNode? patch)
    {
        if (patch is not JsonObject changes)
        {
            return patch?.DeepClone();
        }

        var result = target is JsonObject old ? old.DeepClone().AsObject() : [];
        foreach (var (key, change) in changes)
        {
            if (change is null)
            {
                result.Remove(key);
            }
            else
            {
                result[key] = Merged(result[key], change);
            }
        }

        return result;
    }

    private static JsonNode? Sorted(JsonNode? node) =>
        node switch
        {
            JsonObject o => new JsonObject(
                o.OrderBy(p => p.Key, StringComparer.Ordinal).Select(p => KeyValuePair.Create(p.Key, Sorted(p.Value)))
            ),
            JsonArray a => new JsonArray([.. a.Select(Sorted)]),
            _ => node?.DeepClone(),
        };

    private static JsonSerializerOptions CreateOptions(bool keepUnknown)
    {
        var options = new JsonSerializerOptions
        {
            PropertyNamingPolicy = JsonNamingPolicy.CamelCase,
            UnmappedMemberHandling = JsonUnmappedMemberHandling.Disallow,
            Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping,
            DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull,
        };
        options.Converters.Add(new JsonStringEnumConverter());
        if (!keepUnknown)
        {
            options.TypeInfoResolver = new DefaultJsonTypeInfoResolver
            {
                Modifiers =
                {
                    type =>
                        type.Properties.Where(property => property.IsExtensionData)
                            .ToList()
                            .ForEach(property => type.Properties.Remove(property)),
                },
            };
        }

        options.MakeReadOnly(populateMissingResolver: true);
        return options;
    }
}
