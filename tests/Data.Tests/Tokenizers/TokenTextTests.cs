using System.Buffers;
using System.Text;
using Slowrun.Data.Tokenizers;

namespace Slowrun.Data.Tests.Tokenizers;

public sealed class TokenTextTests
{
    private const string Text = "naïve Ελλάδα 🦊 — “quotes” 日本語\n";

    [Theory]
    [InlineData("bytes")]
    [InlineData("gpt2")]
    public void Add_TokenByToken_GivesTheTextInWholeCharacters(string name)
    {
        var tokenizer = TextTokenizer.Find(name)!;
        var ids = new ArrayBufferWriter<ushort>();
        tokenizer.NewEncoder().Encode(Encoding.UTF8.GetBytes(Text), ids);
        var text = new TokenText(tokenizer);

        var pieces = ids.WrittenSpan.ToArray().Select(id => text.Add(id)).ToList();

        Assert.Equal(Text, string.Concat(pieces));
        Assert.Equal("", text.End());
        // No piece ends within a character: each is valid by itself.
        Assert.All(pieces, piece => Assert.Equal(piece, Encoding.UTF8.GetString(Encoding.UTF8.GetBytes(piece))));
        Assert.All(pieces, piece => Assert.DoesNotContain('\uFFFD', piece));
        Assert.Contains("", pieces);
    }

    [Fact]
    public void Add_OfBytesThatAreNoText_GivesTheReplacementCharacter()
    {
        var text = new TokenText(new ByteTokenizer());

        Assert.Equal("", text.Add(0xE2));
        Assert.Equal("\uFFFDa", text.Add('a'));
        Assert.Equal("\uFFFD", text.Add(0xFF));
        Assert.Equal("", text.Add(0xC3));
        Assert.Equal("\uFFFD", text.End());
    }

    [Theory]
    [InlineData(256)]
    [InlineData(300)]
    public void Add_OfATokenThatIsNoText_GivesNone(int id) => Assert.Equal("", new TokenText(new ByteTokenizer()).Add(id));
}
