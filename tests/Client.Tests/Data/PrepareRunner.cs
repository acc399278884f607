using System.Runtime.InteropServices;
using System.Text;
using System.Text.Json;

namespace Slowrun.Client.Tests.Data;

/// <summary>Runs <c>data prepare</c> on files of its own folder.</summary>
internal sealed class PrepareRunner : IDisposable
{
    private readonly TemporaryFolder folder = new();

    public CommandLine Cli { get; } = new();

    public string Out => In("out");

    public string In(string name) => Path.Combine(folder.Path, name);

    /// <summary>A file that failed once, as it is kept beside the tests.</summary>
    public static string Case(string name) => Path.Combine(AppContext.BaseDirectory, "Data", "Cases", name);

    public string Write(string name, string content) => Write(name, Encoding.UTF8.GetBytes(content));

    public string Write(string name, byte[] content)
    {
        File.WriteAllBytes(In(name), content);
        return In(name);
    }

    /// <returns>The exit code.</returns>
    public async Task<int> RunAsync(params string[] arguments)
    {
        if (Directory.Exists(Out))
        {
            Directory.Delete(Out, recursive: true);
        }

        return await Cli.RunAsync(["data", "prepare", .. arguments, "--out", Out]);
    }

    /// <returns>What it made, as JSON.</returns>
    public async Task<JsonElement> PrepareAsync(params string[] arguments)
    {
        var code = await RunAsync([.. arguments, "-o", "json"]);
        Assert.True(code == 0, Cli.Error);
        return Cli.Json();
    }

    /// <summary>Nothing is left behind, and the message is for people.</summary>
    public async Task FailsAsync(int code, string message, params string[] arguments)
    {
        var found = await RunAsync(arguments);
        Assert.Contains(message, Cli.Error, StringComparison.Ordinal);
        Assert.DoesNotContain("Exception", Cli.Error, StringComparison.Ordinal);
        Assert.Equal(code, found);
        Assert.False(Directory.Exists(Out), "something was left behind");
    }

    /// <summary>A set of byte tokens as text, with &lt; where a document begins.</summary>
    public string Letters(string set)
    {
        var bytes = new MemoryStream();
        foreach (var id in MemoryMarshal.Cast<byte, ushort>(File.ReadAllBytes(Path.Combine(Out, $"{set}.tokens"))))
        {
            bytes.WriteByte(id == 256 ? (byte)'<' : (byte)id);
        }

        return Encoding.UTF8.GetString(bytes.ToArray());
    }

    /// <summary>Bytes of text in the sets, and of what was left out.</summary>
    public static long Accounted(JsonElement prepared)
    {
        var sets = prepared.GetProperty("textBytes").EnumerateObject().Sum(set => set.Value.GetInt64());
        return sets
            + (
                prepared.GetProperty("manifest").TryGetProperty("leftOut", out var left) && left.ValueKind == JsonValueKind.Array
                    ? left.EnumerateArray()
                        .Sum(one =>
                            one.TryGetProperty("bytes", out var bytes) && bytes.ValueKind == JsonValueKind.Number ? bytes.GetInt64() : 0
                        )
                    : 0
            );
    }

    public void Dispose() => folder.Dispose();
}
