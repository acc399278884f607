using Slowrun.Data.Corpus;
using Slowrun.Data.Inputs;
using Slowrun.Data.Tokenizers;

namespace Slowrun.Data.Tests.Inputs;

/// <summary>Damaged files end in documents or in the one exception that has a message for people; nothing else.</summary>
public sealed class MutatedInputTests : IDisposable
{
    private const int Mutations = 400;

    private readonly TemporaryFolder folder = new();

    public void Dispose() => folder.Dispose();

    [Theory]
    [InlineData("a.txt")]
    [InlineData("a.jsonl")]
    [InlineData("a.parquet")]
    [InlineData("a.bin")]
    [InlineData("a.jsonl.gz")]
    [InlineData("a.jsonl.zst")]
    [InlineData("a.parquet.gz")]
    public async Task Read_OfMutatedFiles_GivesDocumentsOrAMessage(string name)
    {
        var whole = await ContentAsync(name);
        var path = Path.Combine(folder.Path, name);
        var (refused, random) = (0, new Random(7));
        for (var i = 0; i < Mutations; i++)
        {
            await File.WriteAllBytesAsync(path, Mutated(whole, random), TestContext.Current.CancellationToken);
            var before = GC.GetAllocatedBytesForCurrentThread();
            try
            {
                var reader = new DocumentReader(InputFiles.Find([path], null), "text", TextDivision.None, Stream.Null, new InputProgress());
                refused += reader.Read().Any(piece => piece.Problem is not null) ? 1 : 0;
            }
            catch (CorpusException e)
            {
                Assert.Contains($"'{path}'", e.Message, StringComparison.Ordinal);
                Assert.DoesNotContain("Exception", e.Message, StringComparison.Ordinal);
                refused++;
            }

            Assert.InRange(GC.GetAllocatedBytesForCurrentThread() - before, 0, 64 << 20);
        }

        // Plain text has little that could be wrong with it.
        Assert.InRange(refused, Mutations / 5, Mutations);
    }

    [Theory]
    [InlineData("a.parquet")]
    [InlineData("a.bin")]
    [InlineData("a.jsonl.gz")]
    [InlineData("a.jsonl.zst")]
    [InlineData("a.txt.gz")]
    public async Task Read_OfFilesCutOffAnywhere_SaysSo(string name)
    {
        var whole = await ContentAsync(name);
        var path = Path.Combine(folder.Path, name);
        // One byte of gzip's mark is a text of one character.
        for (var length = 2; length < whole.Length; length += 97)
        {
            await File.WriteAllBytesAsync(path, whole[..length], TestContext.Current.CancellationToken);
            var reader = new DocumentReader(InputFiles.Find([path], null), "text", TextDivision.None, Stream.Null, new InputProgress());
            Exception? found = null;
            var problem = false;
            try
            {
                problem = reader.Read().Any(piece => piece.Problem is not null);
            }
            catch (CorpusException e)
            {
                found = e;
            }

            Assert.True(found is not null || problem, $"{length} of {whole.Length} bytes");
        }
    }

    private static async Task<byte[]> ContentAsync(string name)
    {
        var documents = SampleFiles.Documents(30, 5, 40);
        return name switch
        {
            "a.txt" => System.Text.Encoding.UTF8.GetBytes(string.Join("\n", documents)),
            "a.jsonl" => SampleFiles.Jsonl(documents),
            "a.parquet" => await SampleFiles.ParquetAsync(documents, 10),
            "a.bin" => SampleFiles.Bin(documents, new Gpt2Tokenizer()),
            "a.txt.gz" => SampleFiles.Gzip(System.Text.Encoding.UTF8.GetBytes(string.Join("\n", documents))),
            "a.jsonl.gz" => SampleFiles.Gzip(SampleFiles.Jsonl(documents)),
            "a.parquet.gz" => SampleFiles.Gzip(await SampleFiles.ParquetAsync(documents, 10)),
            _ => SampleFiles.Zstd(SampleFiles.Jsonl(documents)),
        };
    }

    private static byte[] Mutated(byte[] whole, Random random)
    {
        var bytes = whole.ToList();
        for (var n = random.Next(1, 4); n > 0 && bytes.Count > 0; n--)
        {
            // The front and the end hold what readers trust.
            var at = random.Next(3) switch
            {
                0 => random.Next(Math.Min(bytes.Count, 64)),
                1 => Math.Max(0, bytes.Count - 1 - random.Next(600)),
                _ => random.Next(bytes.Count),
            };
            switch (random.Next(6))
            {
                case 0:
                    bytes[at] ^= (byte)(1 << random.Next(8));
                    break;
                case 1:
                    bytes[at] = (byte)random.Next(256);
                    break;
                case 2:
                    bytes.RemoveRange(at, Math.Min(bytes.Count - at, random.Next(1, 40)));
                    break;
                case 3:
                    bytes.InsertRange(at, Enumerable.Range(0, random.Next(1, 40)).Select(_ => (byte)random.Next(256)));
                    break;
                case 4:
                    bytes.RemoveRange(at, bytes.Count - at);
                    break;
                default:
                    bytes[at] = 0xFF;
                    break;
            }
        }

        return [.. bytes];
    }
}
