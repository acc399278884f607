using System.Buffers;
using System.Diagnostics;
using System.IO.Compression;
using System.Text.Json;
using System.Text.RegularExpressions;
using Microsoft.ML.Tokenizers;
using ParquetSharp;
using Slowrun.Data.Inputs;
using Slowrun.Data.Preparation;
using Slowrun.Data.Tokenizers;
using Encoding = System.Text.Encoding;

namespace Slowrun.Bench;

/// <summary>Times data preparation for each format and tokenizer, beside the bare tokenizer on the same text.</summary>
internal static partial class DataBench
{
    private const int DocumentBytes = 4_000;

    public static async Task<int> RunAsync(IReadOnlyList<string> arguments)
    {
        var text = await File.ReadAllTextAsync(arguments[0]);
        var megabytes = arguments.Count > 1 ? int.Parse(arguments[1], null) : 20;
        var documents = Documents(text, megabytes * 1_000_000L);
        var bytes = documents.Sum(document => (long)Encoding.UTF8.GetByteCount(document));
        var folder = Directory.CreateTempSubdirectory("slowrun-bench-").FullName;
        try
        {
            var files = Write(folder, documents);
            Console.WriteLine(
                $"{documents.Count} documents, {bytes / 1e6:F1} MB of UTF-8, {Environment.ProcessorCount} cores; MB/s of text"
            );
            Console.WriteLine($"{"tokenizer", -10} {"from", -10} {"1 thread", 10} {"all", 10} {"of bare", 10}");
            foreach (var name in TextTokenizer.Names)
            {
                var tokenizer = TextTokenizer.Find(name)!;
                var one = Rate(bytes, () => Bare(tokenizer, documents, 1));
                var all = Rate(bytes, () => Bare(tokenizer, documents, Environment.ProcessorCount));
                Console.WriteLine($"{name, -10} {"(bare)", -10} {one, 10:F1} {all, 10:F1}");
                foreach (var file in files.Where(file => file.Format != InputFormat.Bin || name == Gpt2Tokenizer.TokenizerName))
                {
                    var (alone, together) = (
                        await PrepareAsync(file, tokenizer, folder, bytes, 1),
                        await PrepareAsync(file, tokenizer, folder, bytes, Environment.ProcessorCount)
                    );
                    Console.WriteLine(
                        $"{name, -10} {Path.GetExtension(file.Name), -10} {alone, 10:F1} {together, 10:F1} {together / all, 10:F2}"
                    );
                }
            }
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }

        return 0;
    }

    private static List<string> Documents(string text, long bytes)
    {
        var documents = new List<string>();
        long have = 0;
        for (var at = 0; have < bytes; at = (at + DocumentBytes) % Math.Max(1, text.Length - DocumentBytes))
        {
            // No two the same: a repeated text would be all cache.
            documents.Add($"{documents.Count}. {text.Substring(at, Math.Min(DocumentBytes, text.Length))}");
            have += Encoding.UTF8.GetByteCount(documents[^1]);
        }

        return documents;
    }

    private static List<InputFile> Write(string folder, List<string> documents)
    {
        string In(string name) => Path.Combine(folder, name);
        File.WriteAllText(In("a.txt"), string.Join("\n", documents));
        File.WriteAllLines(In("a.jsonl"), documents.Select(document => JsonSerializer.Serialize(new { text = document })));
        using (var gzip = new GZipStream(File.Create(In("a.jsonl.gz")), CompressionLevel.Fastest))
        {
            gzip.Write(File.ReadAllBytes(In("a.jsonl")));
        }

        using (var zstd = new ZstdSharp.CompressionStream(File.Create(In("a.jsonl.zst")), leaveOpen: false))
        {
            zstd.Write(File.ReadAllBytes(In("a.jsonl")));
        }

        using (var parquet = new ParquetFileWriter(In("a.parquet"), [new Column<string>("text")]))
        {
            foreach (var group in documents.Chunk(1_000))
            {
                using var rows = parquet.AppendRowGroup();
                using var column = rows.NextColumn().LogicalWriter<string>();
                column.WriteBatch(group);
            }

            parquet.Close();
        }

        var ids = new ArrayBufferWriter<ushort>();
        Bare(new Gpt2Tokenizer(), documents, 1, ids);
        using (var shard = new BinaryWriter(File.Create(In("a.bin"))))
        {
            foreach (var value in new[] { 20_240_520, 1, ids.WrittenCount }.Concat(new int[253]))
            {
                shard.Write(value);
            }

            shard.Write(System.Runtime.InteropServices.MemoryMarshal.AsBytes(ids.WrittenSpan));
        }

        return [.. InputFiles.Find([In("a.*")], null)];
    }

    /// <summary>The tokenizer and nothing else; for gpt2 the library with the regular expression that it would use itself.</summary>
    private static void Bare(TextTokenizer tokenizer, List<string> documents, int threads, ArrayBufferWriter<ushort>? keep = null)
    {
        Parallel.ForEach(
            Enumerable.Range(0, threads),
            new ParallelOptions { MaxDegreeOfParallelism = threads },
            thread =>
            {
                Func<string, int> encode;
                var ids = keep ?? new ArrayBufferWriter<ushort>();
                if (tokenizer is Gpt2Tokenizer && keep is null)
                {
                    using var file = new MemoryStream(Gpt2Vocabulary.File());
                    var library = TiktokenTokenizer.Create(file, new RegexPreTokenizer(Words(), null), null, null, 32_768);
                    encode = document => library.EncodeToIds(document, considerPreTokenization: true, considerNormalization: false).Count;
                }
                else
                {
                    var encoder = tokenizer.NewEncoder();
                    encode = document =>
                    {
                        if (keep is null)
                        {
                            ids.ResetWrittenCount();
                        }
                        else
                        {
                            ids.Write([tokenizer.DocumentStart]);
                        }

                        encoder.Encode(Encoding.UTF8.GetBytes(document), ids);
                        return 0;
                    };
                }

                for (var d = thread; d < documents.Count; d += threads)
                {
                    encode(documents[d]);
                }
            }
        );
    }

    private static async Task<double> PrepareAsync(InputFile file, TextTokenizer tokenizer, string folder, long bytes, int threads)
    {
        var target = Path.Combine(folder, "out");
        var watch = Stopwatch.StartNew();
        await new DataPreparation(
            new PreparationOptions
            {
                Files = [file],
                Tokenizer = tokenizer,
                Threads = threads,
            },
            new InputProgress()
        ).RunAsync(target, CancellationToken.None);
        var rate = bytes / 1e6 / watch.Elapsed.TotalSeconds;
        Directory.Delete(target, recursive: true);
        return rate;
    }

    private static double Rate(long bytes, Action work)
    {
        work();
        var watch = Stopwatch.StartNew();
        work();
        return bytes / 1e6 / watch.Elapsed.TotalSeconds;
    }

    [GeneratedRegex(@"'(?:[sdmt]|ll|ve|re)| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+")]
    private static partial Regex Words();
}
