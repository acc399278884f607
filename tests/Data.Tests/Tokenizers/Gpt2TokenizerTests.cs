using System.Buffers;
using System.Diagnostics;
using System.Runtime.InteropServices;
using System.Text;
using Slowrun.Data.Tokenizers;
using Slowrun.Tests.Storage;

namespace Slowrun.Data.Tests.Tokenizers;

public sealed class Gpt2TokenizerTests
{
    private static readonly Gpt2Tokenizer Tokenizer = new();

    // Published: tiktoken's tests (test_encoding.py), and GPT-2's examples in Hugging Face's documentation.
    [Theory]
    [InlineData("hello world", new ushort[] { 31373, 995 })]
    [InlineData("Hello world", new ushort[] { 15496, 995 })]
    [InlineData(" Hello world", new ushort[] { 18435, 995 })]
    [InlineData("0", new ushort[] { 15 })]
    [InlineData("00", new ushort[] { 405 })]
    [InlineData("000", new ushort[] { 830 })]
    [InlineData("0000000", new ushort[] { 24598 })]
    [InlineData("00000000", new ushort[] { 8269 })]
    [InlineData("0000000000000000", new ushort[] { 25645 })]
    [InlineData("00000000000000000", new ushort[] { 8269, 10535, 830 })]
    public void Encode_OfPublishedExamples_GivesThePublishedIds(string text, ushort[] ids) => Assert.Equal(ids, Encode(text));

    [Fact]
    public void Encode_OfTheSpecialToken_TakesItAsText()
    {
        var ids = Encode("a <|endoftext|> b");

        Assert.DoesNotContain(Tokenizer.DocumentStart, ids);
        Assert.Equal("a <|endoftext|> b", Decode(ids));
    }

    [Fact]
    public async Task Encode_OfMixedUnicode_GivesTheIdsOfAnotherImplementation()
    {
        var random = new Random(20);
        var texts = Enumerable.Range(0, 60).Select(_ => SampleFiles.Text(random, 6_000)).ToArray();
        Assert.InRange(texts.Sum(Encoding.UTF8.GetByteCount), 2_000_000, 6_000_000);

        var theirs = await OtherImplementationAsync(texts);
        for (var i = 0; i < texts.Length; i++)
        {
            var ours = Encode(texts[i]);
            Assert.Equal(theirs[i], ours);
            Assert.Equal(texts[i], Decode(ours));
        }
    }

    [Fact]
    public void Encode_OfAVeryLongWord_GivesTheLibrarysIds()
    {
        var random = new Random(3);
        var merge = new LongWordMerge(Gpt2Vocabulary.Parse(Gpt2Vocabulary.File()));
        using var file = new MemoryStream(Gpt2Vocabulary.File());
        var library = Microsoft.ML.Tokenizers.TiktokenTokenizer.Create(file, null, null);
        for (var length = 1; length < 3_000; length += 1 + length)
        {
            foreach (var alphabet in new[] { "a", "ab", "abcdefghijklmnopqrstuvwxyz", "中文字体" })
            {
                var word = new string([.. Enumerable.Range(0, length).Select(_ => alphabet[random.Next(alphabet.Length)])]);
                var ids = new ArrayBufferWriter<ushort>();
                merge.Encode(Encoding.UTF8.GetBytes(word), ids);
                Assert.Equal(library.EncodeToIds(word, considerPreTokenization: false), ids.WrittenSpan.ToArray().Select(id => (int)id));
            }
        }

        // Hours in the library.
        var megabyte = Encode(new string('a', 1_000_000));
        Assert.Equal(1_000_000, megabyte.Sum(id => Tokenizer.TokenBytes[id]));
    }

    [Fact]
    public void Merge_OfRandomBytes_GivesTheIdsOfThePlainAlgorithm()
    {
        var random = new Random(15);
        var tokens = Gpt2Vocabulary.Parse(Gpt2Vocabulary.File());
        var ids = tokens.Select((token, id) => (Key: Gpt2Vocabulary.Key(token), id)).ToDictionary(token => token.Key, token => token.id);
        var merge = new LongWordMerge(tokens);
        for (var i = 0; i < 400; i++)
        {
            // Whole tokens in a row merge across their ends; few letters make many equal pairs; any bytes are no UTF-8.
            byte[] word = (i % 3) switch
            {
                0 => [.. Enumerable.Range(0, random.Next(1, 60)).SelectMany(_ => tokens[random.Next(tokens.Length)])],
                1 => [.. Enumerable.Range(0, random.Next(1, 500)).Select(_ => (byte)"a=-0 e"[random.Next(1 + (i % 6))])],
                _ => [.. Enumerable.Range(0, random.Next(1, 500)).Select(_ => (byte)random.Next(256))],
            };
            var found = new ArrayBufferWriter<ushort>();
            merge.Encode(word, found);
            Assert.Equal(Plain(word, ids), found.WrittenSpan.ToArray().Select(id => (int)id));
        }
    }

    [Theory]
    [InlineData("I'll don't we'VE 's", "I|'ll| don|'t| we|'|VE| '|s")]
    [InlineData("a  b\n\n c   ", "a| | b|\n\n| c|   ")]
    [InlineData("x1½ \t!?\u00A0y", "x|1½| |\t|!?|\u00A0|y")]
    [InlineData("𝒜𠀀b 🙂🙂c", "𝒜𠀀b| 🙂🙂|c")]
    public void Words_AreThoseOfTheRegularExpression(string text, string words)
    {
        var found = new List<string>();
        for (var at = 0; at < text.Length; at += found[^1].Length)
        {
            found.Add(text.Substring(at, Gpt2Words.LengthAt(text, at)));
        }

        Assert.Equal(words, string.Join('|', found));
    }

    /// <summary>As tiktoken describes it: of the adjacent parts that are a token together, the first of the lowest id.</summary>
    private static List<int> Plain(byte[] word, Dictionary<string, int> ids)
    {
        var parts = word.Select(value => Gpt2Vocabulary.Key([value])).ToList();
        while (true)
        {
            var (best, at) = (int.MaxValue, -1);
            for (var i = 0; i + 1 < parts.Count; i++)
            {
                if (ids.TryGetValue(parts[i] + parts[i + 1], out var id) && id < best)
                {
                    (best, at) = (id, i);
                }
            }

            if (at < 0)
            {
                return [.. parts.Select(part => ids[part])];
            }

            parts[at] += parts[at + 1];
            parts.RemoveAt(at + 1);
        }
    }

    private static ushort[] Encode(string text)
    {
        var ids = new ArrayBufferWriter<ushort>();
        Tokenizer.NewEncoder().Encode(Encoding.UTF8.GetBytes(text), ids);
        return ids.WrittenSpan.ToArray();
    }

    private static string Decode(IEnumerable<ushort> ids) =>
        Encoding.UTF8.GetString([.. ids.SelectMany(id => Tokenizer.BytesOf(id).ToArray())]);

    /// <summary>gpt-tokenizer, of npm: JavaScript, with its own vocabulary, expressions and merging.</summary>
    private static async Task<ushort[][]> OtherImplementationAsync(string[] texts)
    {
        using var folder = new TemporaryFolder();
        var input = folder.Write("texts.json", System.Text.Json.JsonSerializer.Serialize(texts));
        var output = Path.Combine(folder.Path, "ids");
        var program = $$"""
            const { encode } = require('{{await NodePackages.InstalledAsync("gpt2")}}/gpt-tokenizer/cjs/encoding/r50k_base.js');
            const fs = require('fs');
            const all = JSON.parse(fs.readFileSync('{{input}}', 'utf8')).map(text => encode(text));
            const out = [];
            for (const ids of all) { out.push(Buffer.from(Uint32Array.of(ids.length).buffer), Buffer.from(Uint16Array.from(ids).buffer)); }
            fs.writeFileSync('{{output}}', Buffer.concat(out));
            """;
        using var node = Process.Start(new ProcessStartInfo("node", ["-e", program]) { RedirectStandardError = true })!;
        var errors = await node.StandardError.ReadToEndAsync(TestContext.Current.CancellationToken);
        await node.WaitForExitAsync(TestContext.Current.CancellationToken);
        Assert.True(node.ExitCode == 0, errors);

        var bytes = await File.ReadAllBytesAsync(output, TestContext.Current.CancellationToken);
        var found = new List<ushort[]>();
        for (var at = 0; at < bytes.Length; at += 4 + (2 * found[^1].Length))
        {
            found.Add(MemoryMarshal.Cast<byte, ushort>(bytes.AsSpan(at + 4, 2 * BitConverter.ToInt32(bytes, at))).ToArray());
        }

        return [.. found];
    }
}
