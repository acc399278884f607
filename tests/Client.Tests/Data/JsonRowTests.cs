namespace Slowrun.Client.Tests.Data;

/// <summary>Of a JSON row only the wanted field matters.</summary>
public sealed class JsonRowTests : IDisposable
{
    private readonly PrepareRunner runner = new();

    public void Dispose() => runner.Dispose();

    [Theory]
    [InlineData("deep.jsonl", "<hello")]
    [InlineData("surrogate-name.jsonl", "<ok")]
    [InlineData("nan.jsonl", "<hello one<two")]
    public async Task Prepare_OfACaseThatFailed_ReadsIt(string name, string expected)
    {
        await runner.PrepareAsync("--input", PrepareRunner.Case(name), "--tokenizer", "bytes");

        Assert.Equal(expected, runner.Letters("train"));
    }

    [Theory]
    [InlineData("""{"a":"\ud800","text":"x"}""")]
    [InlineData("""{"a":["\udc00\ud800"],"\udfff":{"\ud800":1},"text":"x"}""")]
    [InlineData("""{"n":1e99999,"m":-0.1E+400,"text":"x","k":123456789012345678901234567890}""")]
    [InlineData("""{"text":"first","text":"x"}""")]
    [InlineData("""{"text":7,"text":"x"}""")]
    [InlineData("""{"te\u0078t":"x"}""")]
    [InlineData("""{"s":[NaN, -Infinity,Infinity ],"t":"NaN, [NaN]","u":"\\","text":"x","v":NaN}""")]
    [InlineData("\uFEFF{\"text\":\"x\"}\r")]
    [InlineData("\r\n \t\n{\"text\":\"x\"}\r\n\n")]
    public async Task Prepare_OfAnOddRow_ReadsIt(string content)
    {
        await runner.PrepareAsync("--input", runner.Write("a.jsonl", content), "--tokenizer", "bytes");

        Assert.Equal("<x", runner.Letters("train"));
    }

    [Fact]
    public async Task Prepare_OfVeryLongAndVeryDeepOtherFields_ReadsTheRow()
    {
        const int depth = 1_000_000;
        var row = $"{{\"a\":{new string('[', depth)}NaN{new string(']', depth)},\"b\":\"{new string('y', 5 << 20)}\",\"text\":\"x\"}}";

        await runner.PrepareAsync("--input", runner.Write("a.jsonl", row), "--tokenizer", "bytes");

        Assert.Equal("<x", runner.Letters("train"));
    }

    [Theory]
    [InlineData("""{"data":{"id":1,"text":"x"},"text":"no"}""")]
    [InlineData("""{"data.text":"x"}""")]
    [InlineData("""{"data":{"more":{"text":"no"},"text":"x"}}""")]
    [InlineData("""{"data":[{"text":"no"}],"data":{"text":"x"}}""")]
    public async Task Prepare_OfANestedField_ReadsIt(string content)
    {
        await runner.PrepareAsync("--input", runner.Write("a.jsonl", content), "--tokenizer", "bytes", "--field", "data.text");

        Assert.Equal("<x", runner.Letters("train"));
    }

    [Theory]
    [InlineData("""{"text":"a\ud83d\ude00 \udc00"}""", "'text' has \\udc00, half of a character")]
    [InlineData("""{"text":"\\\ud800\ud83d\ude00"}""", "'text' has \\ud800, half of a character")]
    [InlineData("""{"text":NaN}""", "'text' is a number, expected a string")]
    [InlineData("""{"text":"a","b":NaNa}""", "line 1: not JSON, from byte")]
    [InlineData("""{"text":"a","b":+Infinity}""", "line 1: not JSON, from byte")]
    [InlineData("""{"text":"a",NaN:1}""", "line 1: not JSON, from byte")]
    [InlineData("""{"text":"a"}{"text":"b"}""", "line 1: not JSON, from byte")]
    [InlineData("""{"text":"a","b":[1}""", "line 1: not JSON, from byte")]
    [InlineData("""{"text":"a","text":7}""", "'text' is a number")]
    [InlineData("""{"\ud800":1}""", "there is no field 'text'; it has '\uFFFD'")]
    public async Task Prepare_OfABadRow_SaysWhy(string content, string message) =>
        await runner.FailsAsync(1, message, "--input", runner.Write("a.jsonl", content), "--tokenizer", "bytes");
}
