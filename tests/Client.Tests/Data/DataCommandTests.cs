using System.Text;

namespace Slowrun.Client.Tests.Data;

/// <summary>Runs <c>data prepare</c> on files of a temporary folder.</summary>
public abstract class DataCommandTests : IDisposable
{
    private readonly TemporaryFolder folder = new();

    private protected CommandLine Cli { get; } = new();

    private protected string Folder => folder.Path;

    public void Dispose()
    {
        folder.Dispose();
        GC.SuppressFinalize(this);
    }

    private protected string Out => In("out");

    private protected string In(string name) => Path.Combine(folder.Path, name);

    private protected string Write(string name, byte[] content)
    {
        Directory.CreateDirectory(Path.GetDirectoryName(In(name))!);
        File.WriteAllBytes(In(name), content);
        return name;
    }

    private protected string Write(string name, string content) => Write(name, Encoding.UTF8.GetBytes(content));

    /// <summary>Runs <c>data prepare</c>; the directory's files by name.</summary>
    private protected async Task<SortedDictionary<string, byte[]>> PrepareAsync(string input, params string[] more)
    {
        Clear();
        var code = await Cli.RunAsync(["data", "prepare", "--input", In(input), "--out", Out, "-o", "json", .. more]);
        Assert.True(code == 0, Cli.Error);
        return new(Directory.GetFiles(Out).ToDictionary(file => Path.GetFileName(file)!, File.ReadAllBytes), StringComparer.Ordinal);
    }

    private protected async Task FailsAsync(int code, string message, string input, params string[] more)
    {
        Clear();
        var path = input == "-" ? input : In(input);
        var found = await Cli.RunAsync(["data", "prepare", "--input", path, "--out", Out, .. more]);
        Assert.Contains(message.Replace("{0}", path, StringComparison.Ordinal), Cli.Error, StringComparison.Ordinal);
        Assert.DoesNotContain("Exception", Cli.Error, StringComparison.Ordinal);
        Assert.Equal(code, found);
        Assert.False(Directory.Exists(Out), "something was left behind");
        Assert.DoesNotContain(Directory.GetFileSystemEntries(folder.Path), entry => entry.Contains(".part-", StringComparison.Ordinal));
    }

    private void Clear()
    {
        if (Directory.Exists(Out))
        {
            Directory.Delete(Out, recursive: true);
        }
    }

    private protected static string Letters(byte[] tokens) =>
        string.Concat(
            System.Runtime.InteropServices.MemoryMarshal.Cast<byte, ushort>(tokens).ToArray().Select(id => id == 256 ? '<' : (char)id)
        );
}
