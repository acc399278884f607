using System.Globalization;
using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;

namespace Slowrun.Data.Tokenizers;

/// <summary>
/// A tokenizer as the files that Hugging Face's transformers reads: GPT-2's published ones, made from its ranks; and bytes, which are
/// GPT-2's letters without a merge.
/// </summary>
public static class TokenizerFiles
{
    /// <summary>Begins every document, in both tokenizers.</summary>
    private const string DocumentStart = "<|endoftext|>";

    private static readonly JsonSerializerOptions Indented = new() { WriteIndented = true };

    private static readonly string[] Letters = [.. ByteLetters()];

    /// <returns>Names and contents.</returns>
    /// <param name="positions">Tokens that the model reads at once.</param>
    public static IReadOnlyDictionary<string, string> Of(TextTokenizer tokenizer, int positions)
    {
        ArgumentNullException.ThrowIfNull(tokenizer);
        var tokens = Enumerable.Range(0, tokenizer.DocumentStart).Select(id => tokenizer.BytesOf(id).ToArray()).ToArray();
        string[] names = [.. tokens.Select(Name), DocumentStart];
        var merges = Merges(tokens);
        return new SortedDictionary<string, string>(StringComparer.Ordinal)
        {
            ["merges.txt"] = $"#version: 0.2\n{string.Concat(merges.Select(merge => $"{merge}\n"))}",
            ["tokenizer.json"] = Tokenizer(names, merges),
            ["tokenizer_config.json"] = Configuration(positions),
            ["vocab.json"] = Vocabulary(names),
        };
    }

    /// <summary>The pairs that tokens are merged of, in their order: what is left of a token's bytes when only earlier pairs are
    /// merged.</summary>
    private static List<string> Merges(byte[][] tokens)
    {
        var ids = tokens.Select((token, id) => (Key: Gpt2Vocabulary.Key(token), id)).ToDictionary(token => token.Key, token => token.id);
        var merges = new List<string>();
        foreach (var (id, token) in tokens.Index().Where(token => token.Item.Length > 1))
        {
            var parts = token.Select(value => Gpt2Vocabulary.Key([value])).ToList();
            while (parts.Count > 2)
            {
                var (at, _) = Enumerable
                    .Range(0, parts.Count - 1)
                    .Select(at => (at, Id: ids.GetValueOrDefault(parts[at] + parts[at + 1], int.MaxValue)))
                    .Where(pair => pair.Id < id)
                    .MinBy(pair => pair.Id);
                parts[at] += parts[at + 1];
                parts.RemoveAt(at + 1);
            }

            merges.Add(string.Join(' ', parts.Select(part => Name(Encoding.Latin1.GetBytes(part)))));
        }

        return merges;
    }

    /// <summary>As Python's json.dumps writes it, so that GPT-2's is the published file to the byte.</summary>
    private static string Vocabulary(string[] names)
    {
        var text = new StringBuilder("{");
        foreach (var (id, name) in names.Index())
        {
            text.Append(id == 0 ? "\"" : ", \"");
            foreach (var letter in name)
            {
                _ = letter switch
                {
                    '"' or '\\' => text.Append('\\').Append(letter),
                    > '~' => text.Append(CultureInfo.InvariantCulture, $"\\u{(int)letter:x4}"),
                    _ => text.Append(letter),
                };
            }

            text.Append(CultureInfo.InvariantCulture, $"\": {id}");
        }

        return text.Append('}').ToString();
    }

    private static string Tokenizer(string[] names, IReadOnlyList<string> merges) =>
        Json(
            new JsonObject
            {
                ["version"] = "1.0",
                ["truncation"] = null,
                ["padding"] = null,
                ["added_tokens"] = new JsonArray(
                    new JsonObject
                    {
                        ["id"] = names.Length - 1,
                        ["content"] = DocumentStart,
                        ["single_word"] = false,
                        ["lstrip"] = false,
                        ["rstrip"] = false,
                        ["normalized"] = false,
                        ["special"] = true,
                    }
                ),
                ["normalizer"] = null,
                ["pre_tokenizer"] = ByteLevel(),
                ["post_processor"] = null,
                ["decoder"] = ByteLevel(),
                ["model"] = new JsonObject
                {
                    ["type"] = "BPE",
                    ["dropout"] = null,
                    ["unk_token"] = null,
                    ["continuing_subword_prefix"] = null,
                    ["end_of_word_suffix"] = null,
                    ["fuse_unk"] = false,
                    ["byte_fallback"] = false,
                    ["vocab"] = new JsonObject(names.Select((name, id) => KeyValuePair.Create(name, (JsonNode?)id))),
                    ["merges"] = new JsonArray([.. merges.Select(merge => (JsonNode?)merge)]),
                },
            }
        );

    private static JsonObject ByteLevel() =>
        new()
        {
            ["type"] = "ByteLevel",
            ["add_prefix_space"] = false,
            ["trim_offsets"] = true,
            ["use_regex"] = true,
        };

    private static string Configuration(int positions) =>
        Json(
            new JsonObject
            {
                ["tokenizer_class"] = "GPT2Tokenizer",
                ["model_max_length"] = positions,
                ["bos_token"] = DocumentStart,
                ["eos_token"] = DocumentStart,
                ["unk_token"] = DocumentStart,
                ["add_prefix_space"] = false,
                ["clean_up_tokenization_spaces"] = false,
            }
        );

    private static string Json(JsonObject value) => value.ToJsonString(Indented) + "\n";

    private static string Name(byte[] token) => string.Concat(token.Select(value => Letters[value]));

    /// <summary>GPT-2's letter for each byte: printable ones stand for themselves, the others for the letters from U+0100 on.</summary>
    private static IEnumerable<string> ByteLetters()
    {
        var next = 256;
        for (var value = 0; value < 256; value++)
        {
            var stands = value is (>= '!' and <= '~') or (>= 0xA1 and <= 0xAC) or (>= 0xAE and <= 0xFF);
            yield return ((char)(stands ? value : next++)).ToString();
        }
    }
}
