using System.IO.Compression;
using System.Runtime.InteropServices;
using System.Text;
using Slowrun.Client.Imports;
using Slowrun.Core;
using Slowrun.Core.Tensors;

namespace Slowrun.Client.Tests.Imports;

/// <summary>Files of <c>torch.save</c>: one that <c>make_torch_file.py</c> has made, and one that PyTorch 1.13 has saved.</summary>
public sealed class TorchFileTests : IDisposable
{
    private readonly TemporaryFolder folder = new();

    private static string Saved(string name) => Path.Combine(AppContext.BaseDirectory, "Imports", name);

    private string Made => Path.Combine(folder.Path, "made.pt");

    public void Dispose() => folder.Dispose();

    [Theory]
    [InlineData("saved-by-torch.pt")]
    [InlineData("torch-1.13.pt")]
    public async Task Read_OfAScriptsFile_HasTheModelsTensorsInTheOrderOfTheirIndexes(string saved)
    {
        var tensors = (await TorchFile.ReadAsync(Saved(saved), CommandLine.Stop)).ToDictionary(tensor =>
            tensor.Name["_orig_mod.".Length..]
        );

        Assert.Equal(["bfloat16", "double", "half", "plain", "transposed", "within"], tensors.Keys.Order());
        Assert.Equal([1, 2, 3, 4, 5, 6], MemoryMarshal.Cast<byte, float>(tensors["plain"].Bytes.Span).ToArray());
        Assert.Equal([1, 2, 3, 4, 5, 6], MemoryMarshal.Cast<byte, float>(tensors["transposed"].Bytes.Span).ToArray());
        Assert.Equal([2, 3], tensors["transposed"].Shape);
        Assert.Equal([7, 8, 9], MemoryMarshal.Cast<byte, float>(tensors["within"].Bytes.Span).ToArray());
        Assert.Equal([0.5, -0.25], MemoryMarshal.Cast<byte, double>(tensors["double"].Bytes.Span).ToArray());
        Assert.Equal([(Half)1.5f, (Half)(-2f)], MemoryMarshal.Cast<byte, Half>(tensors["half"].Bytes.Span).ToArray());
        Assert.Equal([(ushort)0x4040, (ushort)0xBF00], MemoryMarshal.Cast<byte, ushort>(tensors["bfloat16"].Bytes.Span).ToArray());
        Assert.Equal(ElementType.BF16, tensors["bfloat16"].Type);
    }

    /// <summary>The classic of hostile pickles: a call of os.system. Here it is a name and nothing else.</summary>
    [Fact]
    public async Task Read_OfAPickleThatCallsAFunction_RunsNothingAndRefuses()
    {
        var mark = Path.Combine(folder.Path, "mark");
        Write(("archive/data.pkl", Encoding.ASCII.GetBytes($"cos\nsystem\n(S'touch {mark}'\ntR.")));

        var refused = await RefusedAsync();

        Assert.Contains(Made, refused, StringComparison.Ordinal);
        Assert.False(File.Exists(mark));
    }

    [Theory]
    [InlineData("other", "without an entry 'data.pkl'")]
    [InlineData("archive/data.pkl", "cannot be read")]
    public async Task Read_OfAnotherArchive_SaysWhatItIsNot(string entry, string expected)
    {
        Write((entry, [1, 2, 3]));

        Assert.Contains(expected, await RefusedAsync(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Read_OfAFileWithoutTensors_NamesItsKeys()
    {
        // {'epoch': 3}, protocol 0.
        Write(("archive/data.pkl", Encoding.ASCII.GetBytes("(dS'epoch'\nI3\ns.")));

        Assert.Contains("its keys are epoch", await RefusedAsync(), StringComparison.Ordinal);
    }

    /// <summary>Every byte of the object tree in turn is another: either it is read, or it is refused with the file's name.</summary>
    [Fact]
    public async Task Read_OfADamagedFile_IsRefusedByName()
    {
        var entries = Entries();
        var tree = entries["archive/data.pkl"];
        var refused = 0;
        for (var i = 0; i < tree.Length; i += 3)
        {
            var damaged = (byte[])tree.Clone();
            damaged[i] ^= 0x15;
            Write([.. entries.Select(entry => (entry.Key, entry.Key == "archive/data.pkl" ? damaged : entry.Value))]);
            try
            {
                await TorchFile.ReadAsync(Made, CommandLine.Stop);
            }
            catch (InvalidRequestException e)
            {
                Assert.Contains(Made, e.Message, StringComparison.Ordinal);
                refused++;
            }
        }

        Assert.True(refused > 10, $"Only {refused} were refused.");
    }

    [Theory]
    [InlineData(8, "reaches beyond its")]
    [InlineData(0, "are missing")]
    public async Task Read_OfATensorWhoseNumbersAreShort_IsRefused(int bytes, string expected)
    {
        Write(
            [
                .. Entries()
                    .Where(entry => bytes > 0 || entry.Key != "archive/data/0")
                    .Select(entry => (entry.Key, entry.Key == "archive/data/0" ? entry.Value[..bytes] : entry.Value)),
            ]
        );

        Assert.Contains(expected, await RefusedAsync(), StringComparison.Ordinal);
    }

    private async Task<string> RefusedAsync() =>
        (await Assert.ThrowsAsync<InvalidRequestException>(() => TorchFile.ReadAsync(Made, CommandLine.Stop))).Message;

    private static Dictionary<string, byte[]> Entries()
    {
        using var archive = ZipFile.OpenRead(Saved("saved-by-torch.pt"));
        return archive.Entries.ToDictionary(
            entry => entry.FullName,
            entry =>
            {
                using var content = entry.Open();
                var bytes = new byte[entry.Length];
                content.ReadExactly(bytes);
                return bytes;
            }
        );
    }

    private void Write(params (string Name, byte[] Content)[] entries)
    {
        using var archive = new ZipArchive(File.Create(Made), ZipArchiveMode.Create);
        foreach (var (name, content) in entries)
        {
            using var entry = archive.CreateEntry(name, CompressionLevel.NoCompression).Open();
            entry.Write(content);
        }
    }
}
