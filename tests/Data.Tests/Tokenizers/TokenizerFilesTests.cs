using System.Buffers;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using Slowrun.Data.Tokenizers;

namespace Slowrun.Data.Tests.Tokenizers;

public sealed class TokenizerFilesTests
{
    private static readonly IReadOnlyDictionary<string, string> Gpt2 = TokenizerFiles.Of(new Gpt2Tokenizer(), 1024);
    private static readonly IReadOnlyDictionary<string, string> Bytes = TokenizerFiles.Of(TextTokenizer.Find("bytes")!, 128);

    // As tiktoken checks OpenAI's vocab.bpe and encoder.json (tiktoken_ext/openai_public.py).
    [Theory]
    [InlineData("merges.txt", "1ce1664773c50f3e0cc8842619a93edc4624525b728b188a9e0be33b7726adc5")]
    [InlineData("vocab.json", "196139668be63f3b5d6574427317ae82f612a97c5d1cdaf36ed2256dbf636783")]
    public void Of_Gpt2_AreThePublishedFilesToTheByte(string name, string sha256) =>
        Assert.Equal(sha256, Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(Gpt2[name]))));

    [Fact]
    public void Of_Gpt2_HaveTheSameTokensAndMergesInOneFile()
    {
        var (vocabulary, merges) = Model(Gpt2);

        Assert.Equal(Vocabulary(Gpt2), vocabulary);
        Assert.Equal(Gpt2["merges.txt"].Split('\n')[1..^1], merges);
        Assert.Equal(50_256, vocabulary["<|endoftext|>"]);
        Assert.Equal(1024, JsonDocument.Parse(Gpt2["tokenizer_config.json"]).RootElement.GetProperty("model_max_length").GetInt32());
    }

    [Fact]
    public void Of_Bytes_AreEachByteByItsNumberAndNoMerge()
    {
        var (vocabulary, merges) = Model(Bytes);

        Assert.Equal(Vocabulary(Bytes), vocabulary);
        Assert.Empty(merges);
        Assert.Equal("#version: 0.2\n", Bytes["merges.txt"]);
        Assert.Equal(Enumerable.Range(0, 257), vocabulary.Values);
        Assert.Equal((72, 32, 10, 256), (vocabulary["H"], vocabulary["Ġ"], vocabulary["Ċ"], vocabulary["<|endoftext|>"]));
    }

    [Fact]
    public void Of_Gpt2_ReadByAnotherImplementation_GiveOurIds()
    {
        // No letters beyond U+FFFF, which the library divides otherwise (Gpt2Words), and no rows of spaces: CodeGen has tokens for them.
        const string letters = "etaoin shrdlu'sll ve 0123456789 .,;:!?()<|> дом вода 中文字 éß½\n  ";
        var random = new Random(9);
        var encoder = new Gpt2Tokenizer().NewEncoder();
        using var vocabulary = new MemoryStream(Encoding.UTF8.GetBytes(Gpt2["vocab.json"]));
        using var merges = new MemoryStream(Encoding.UTF8.GetBytes(Gpt2["merges.txt"]));
        var theirs = Microsoft.ML.Tokenizers.CodeGenTokenizer.Create(vocabulary, merges);
        for (var i = 0; i < 200; i++)
        {
            var drawn = new string([.. Enumerable.Range(0, 200).Select(_ => letters[random.Next(letters.Length)])]);
            var text = string.Join(' ', drawn.Split(' ', StringSplitOptions.RemoveEmptyEntries));
            var ids = new ArrayBufferWriter<ushort>();
            encoder.Encode(Encoding.UTF8.GetBytes(text), ids);

            Assert.Equal(theirs.EncodeToIds(text), ids.WrittenSpan.ToArray().Select(id => (int)id));
        }
    }

    private static Dictionary<string, int> Vocabulary(IReadOnlyDictionary<string, string> files) =>
        JsonSerializer.Deserialize<Dictionary<string, int>>(files["vocab.json"])!;

    private static (Dictionary<string, int> Vocabulary, string[] Merges) Model(IReadOnlyDictionary<string, string> files)
    {
        var model = JsonDocument.Parse(files["tokenizer.json"]).RootElement.GetProperty("model");
        return (model.GetProperty("vocab").Deserialize<Dictionary<string, int>>()!, model.GetProperty("merges").Deserialize<string[]>()!);
    }
}
