using System.Buffers.Binary;
using System.IO.Compression;
using System.Runtime.InteropServices;
using System.Text;
using System.Text.Json;
using Parquet;
using Parquet.Schema;
using Slowrun.Data.Tokenizers;

namespace Slowrun.Data.Tests;

/// <summary>The same documents in every format, as other programs write them.</summary>
internal static class SampleFiles
{
    private static readonly string[] Alphabets =
    [
        "etaoin shrdlu",
        "ETAOIN'sll ve",
        "0123456789½Ⅷ",
        ".,;:!?'\"()<|>",
        "дом вода",
        "中文字 ",
        "é̈ß ñ",
        "🙂👩\u200D🚀",
        "𝒜𠀀𐌰",
        "\n\t \r\u00A0\u3000",
    ];

    /// <summary>Documents of mixed scripts; the same for the same seed.</summary>
    public static string[] Documents(int count, int seed, int longest = 400)
    {
        var random = new Random(seed);
        return [.. Enumerable.Range(0, count).Select(_ => Text(random, random.Next(1, longest)))];
    }

    public static string Text(Random random, int runs)
    {
        var text = new StringBuilder();
        for (var i = 0; i < runs; i++)
        {
            var runes = Alphabets[random.Next(Alphabets.Length)].EnumerateRunes().ToArray();
            for (var n = random.Next(1, 6); n > 0; n--)
            {
                text.Append(runes[random.Next(runes.Length)].ToString());
            }

            text.Append(random.Next(3) == 0 ? " " : "");
        }

        return text.ToString();
    }

    public static byte[] Jsonl(IEnumerable<string> documents) =>
        Encoding.UTF8.GetBytes(
            string.Concat(
                documents.Select((text, i) => $"{JsonSerializer.Serialize(new { id = i, meta = new { text = "not this one" }, text })}\n")
            )
        );

    public static byte[] Bin(IEnumerable<string> documents, TextTokenizer tokenizer)
    {
        var ids = new System.Buffers.ArrayBufferWriter<ushort>();
        var encoder = tokenizer.NewEncoder();
        foreach (var document in documents)
        {
            ids.GetSpan(1)[0] = tokenizer.DocumentStart;
            ids.Advance(1);
            encoder.Encode(Encoding.UTF8.GetBytes(document), ids);
        }

        return Bin(ids.WrittenSpan);
    }

    public static byte[] Bin(ReadOnlySpan<ushort> ids)
    {
        var header = new byte[1024];
        BinaryPrimitives.WriteInt32LittleEndian(header, 20_240_520);
        BinaryPrimitives.WriteInt32LittleEndian(header.AsSpan(4), 1);
        BinaryPrimitives.WriteInt32LittleEndian(header.AsSpan(8), ids.Length);
        return [.. header, .. MemoryMarshal.AsBytes(ids)];
    }

    /// <summary>By Parquet.Net, which shares nothing with the reader's library.</summary>
    public static async Task<byte[]> ParquetAsync(
        IReadOnlyList<string?> documents,
        int rowsPerGroup = 64,
        CompressionMethod compression = CompressionMethod.Snappy
    )
    {
        var (id, text) = (new DataField<int>("id"), new DataField<string>("text"));
        using var stream = new MemoryStream();
        await using (
            var writer = await ParquetWriter.CreateAsync(
                new ParquetSchema(id, text),
                stream,
                new ParquetOptions { CompressionMethod = compression }
            )
        )
        {
            foreach (var group in documents.Chunk(rowsPerGroup))
            {
                using var rows = writer.CreateRowGroup();
                await rows.WriteAsync<int>(id, Enumerable.Range(0, group.Length).ToArray());
                await rows.WriteAsync(text, group);
                rows.CompleteValidate();
            }
        }

        return stream.ToArray();
    }

    public static byte[] Gzip(byte[] content)
    {
        using var stream = new MemoryStream();
        using (var gzip = new GZipStream(stream, CompressionLevel.Fastest))
        {
            gzip.Write(content);
        }

        return stream.ToArray();
    }

    public static byte[] Zstd(byte[] content)
    {
        using var compressor = new ZstdSharp.Compressor(3);
        compressor.SetParameter(ZstdSharp.Unsafe.ZSTD_cParameter.ZSTD_c_checksumFlag, 1);
        return compressor.Wrap(content).ToArray();
    }
}
