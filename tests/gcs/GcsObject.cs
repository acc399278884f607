using System.Buffers.Binary;
using System.Globalization;
using System.Numerics;
using System.Text.Json.Nodes;

namespace Slowrun.Tests.Gcs;

/// <summary>An object of a bucket, at one of its generations.</summary>
/// <param name="Metadata">What the writer gave along.</param>
internal sealed record GcsObject(byte[] Content, long Generation, JsonNode? Metadata, DateTimeOffset ModifiedAt)
{
    /// <summary>As the JSON API describes it.</summary>
    public JsonObject Described(string key) =>
        new()
        {
            ["kind"] = "storage#object",
            ["name"] = key,
            ["generation"] = Generation.ToString(CultureInfo.InvariantCulture),
            ["size"] = Content.Length.ToString(CultureInfo.InvariantCulture),
            ["updated"] = ModifiedAt.ToString("yyyy-MM-ddTHH:mm:ss.fffZ", CultureInfo.InvariantCulture),
            ["crc32c"] = Crc32C(Content),
            ["metadata"] = Metadata?.DeepClone(),
        };

    public static string Crc32C(byte[] content)
    {
        Span<byte> bytes = stackalloc byte[sizeof(uint)];
        BinaryPrimitives.WriteUInt32BigEndian(bytes, ~content.Aggregate(uint.MaxValue, BitOperations.Crc32C));
        return Convert.ToBase64String(bytes);
    }
}
