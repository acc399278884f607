using System.Buffers.Binary;
using System.Runtime.InteropServices;
using System.Text;
using Slowrun.Core.Tensors;
using Slowrun.Storage.Safetensors;

namespace Slowrun.Storage.Tests.Safetensors;

public sealed class SafetensorsTests
{
    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    internal static TensorData Floats(string name, params float[] values) =>
        new(name, ElementType.F32, [values.Length], MemoryMarshal.AsBytes(values.AsSpan()).ToArray());

    /// <summary>A file with this header and so many bytes of data.</summary>
    private static byte[] FileOf(string header, int dataBytes)
    {
        var json = Encoding.UTF8.GetBytes(header);
        var file = new byte[8 + json.Length + dataBytes];
        BinaryPrimitives.WriteInt64LittleEndian(file, json.Length);
        json.CopyTo(file, 8);
        return file;
    }

    private static Task<IReadOnlyList<TensorData>> ReadAsync(byte[] file) =>
        SafetensorsReader.ReadAsync(new MemoryStream(file), file.Length, "part-0", cancellationToken: Cancel);

    private static async Task<byte[]> WrittenAsync(params TensorData[] tensors)
    {
        using var file = new MemoryStream();
        await SafetensorsWriter.OpenRead(tensors).CopyToAsync(file, Cancel);
        return file.ToArray();
    }

    [Fact]
    public async Task Write_OfTwoTensors_GivesTheBytesOfTheFormat()
    {
        var file = await WrittenAsync(Floats("b", 1, 2), new TensorData("a/é\"", ElementType.U8, [], new byte[] { 7 }));

        var header = """{"b":{"dtype":"F32","shape":[2],"data_offsets":[0,8]},"a/é\"":{"dtype":"U8","shape":[],"data_offsets":[8,9]}}""";
        var padded = header + new string(' ', (8 - (Encoding.UTF8.GetByteCount(header) % 8)) % 8);
        var expected = FileOf(padded, 9);
        new byte[] { 0, 0, 0x80, 0x3F, 0, 0, 0, 0x40, 7 }.CopyTo(expected, expected.Length - 9);
        Assert.Equal(expected, file);
    }

    [Fact]
    public async Task Read_OfWhatWasWritten_GivesTheSameTensorsInOrder()
    {
        var written = new[]
        {
            new TensorData("z", ElementType.I64, [1, 2], new byte[16]),
            new TensorData("none", ElementType.BF16, [0, 5], Array.Empty<byte>()),
            Floats("a", 1, 2, 3),
            new TensorData("scalar", ElementType.F64, [], new byte[8]),
        };

        var read = await ReadAsync(await WrittenAsync(written));

        Assert.Equal(written.Select(t => t.Name), read.Select(t => t.Name));
        Assert.All(
            written.Zip(read),
            pair =>
            {
                Assert.Equal(pair.First.Type, pair.Second.Type);
                Assert.Equal(pair.First.Shape, pair.Second.Shape);
                Assert.True(pair.First.Bytes.Span.SequenceEqual(pair.Second.Bytes.Span));
            }
        );
    }

    [Fact]
    public async Task Read_OfAnotherWritersFile_TakesMetadataAndAnyHeaderOrder()
    {
        var file = FileOf(
            """{"__metadata__":{"format":"pt"}, "b":{"shape":[1],"data_offsets":[4,8],"dtype":"F32"},"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}  """,
            8
        );

        Assert.Equal(["a", "b"], (await ReadAsync(file)).Select(tensor => tensor.Name));
    }

    [Fact]
    public async Task Read_WithADestination_FillsIt()
    {
        var file = await WrittenAsync(Floats("a", 1, 2));
        var memory = new byte[8];

        await SafetensorsReader.ReadAsync(new MemoryStream(file), file.Length, "f", _ => memory, Cancel);

        Assert.Equal([1f, 2f], MemoryMarshal.Cast<byte, float>(memory).ToArray());
    }

    [Fact]
    public void OpenRead_OfTwoTensorsOfOneName_Throws() =>
        Assert.Throws<ArgumentException>(() => SafetensorsWriter.OpenRead([Floats("a", 1), Floats("a", 2)]));

    [Fact]
    public void OpenRead_OfBytesThatDoNotFitTheShape_Throws() =>
        Assert.Throws<ArgumentException>(() => SafetensorsWriter.OpenRead([new TensorData("a", ElementType.F32, [2], new byte[4])]));

    [Theory]
    [InlineData("""[]""", 0, "not an object")]
    [InlineData("""{""", 0, "part-0")]
    [InlineData("""{"a":1}""", 0, "exactly")]
    [InlineData("""{"a":{"dtype":"F32","shape":[1]}}""", 4, "exactly")]
    [InlineData("""{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4],"x":1}}""", 4, "exactly")]
    [InlineData("""{"a":{"dtype":"C64","shape":[1],"data_offsets":[0,8]}}""", 8, "C64")]
    [InlineData("""{"a":{"dtype":"0","shape":[1],"data_offsets":[0,4]}}""", 4, "type '0'")]
    [InlineData("""{"a":{"dtype":"F32","shape":[-1],"data_offsets":[0,4]}}""", 4, "[-1]")]
    [InlineData("""{"a":{"dtype":"F32","shape":[1.5],"data_offsets":[0,4]}}""", 4, "part-0")]
    [InlineData("""{"a":{"dtype":"F32","shape":["1"],"data_offsets":[0,4]}}""", 4, "part-0")]
    [InlineData("""{"a":{"dtype":"F32","shape":[1],"data_offsets":[0]}}""", 4, "offsets")]
    [InlineData("""{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,4]}}""", 4, "8 bytes")]
    [InlineData("""{"a":{"dtype":"F32","shape":[1],"data_offsets":[4,0]}}""", 4, "4 bytes")]
    [InlineData("""{"a":{"dtype":"F32","shape":[4611686018427387904,4],"data_offsets":[0,0]}}""", 0, "part-0")]
    [InlineData("""{"a":{"dtype":"U8","shape":[9223372036854775807],"data_offsets":[0,9223372036854775807]}}""", 4, "part-0")]
    [InlineData(
        """{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]},"a":{"dtype":"F32","shape":[1],"data_offsets":[4,8]}}""",
        8,
        "two entries"
    )]
    [InlineData(
        """{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]},"b":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}""",
        4,
        "overlap"
    )]
    [InlineData(
        """{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]},"b":{"dtype":"F32","shape":[1],"data_offsets":[2,6]}}""",
        6,
        "overlap"
    )]
    [InlineData(
        """{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]},"b":{"dtype":"F32","shape":[1],"data_offsets":[5,9]}}""",
        9,
        "gap"
    )]
    [InlineData("""{"a":{"dtype":"F32","shape":[1],"data_offsets":[-4,0]}}""", 4, "overlap")]
    [InlineData("""{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}""", 5, "describes 4 bytes")]
    [InlineData("""{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}""", 3, "describes 4 bytes")]
    [InlineData("""{"a":{"dtype":"U8","shape":[3000000000],"data_offsets":[0,3000000000]}}""", 4, "part-0")]
    public async Task Read_OfABrokenHeader_SaysWhatIsWrong(string header, int dataBytes, string said)
    {
        var e = await Assert.ThrowsAsync<InvalidDataException>(() => ReadAsync(FileOf(header, dataBytes)));

        Assert.Contains(said, e.Message, StringComparison.Ordinal);
        Assert.Contains("part-0", e.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(100_000_001L)]
    [InlineData(long.MaxValue)]
    [InlineData(-1L)]
    [InlineData(1000L)]
    public async Task Read_WhenTheHeaderWouldBeTooLong_AllocatesNothingForIt(long length)
    {
        var file = new byte[64];
        BinaryPrimitives.WriteInt64LittleEndian(file, length);
        var before = GC.GetAllocatedBytesForCurrentThread();

        await Assert.ThrowsAsync<InvalidDataException>(() => ReadAsync(file));

        Assert.InRange(GC.GetAllocatedBytesForCurrentThread() - before, 0, 100_000);
    }

    [Fact]
    public async Task Read_WhenCutAnywhere_Throws()
    {
        var file = await WrittenAsync(Floats("a", 1, 2), Floats("b", 3));

        for (var length = 0; length < file.Length; length++)
        {
            await Assert.ThrowsAsync<InvalidDataException>(() => ReadAsync(file[..length]));
            // As when the store tells the old length but the bytes are gone.
            await Assert.ThrowsAsync<InvalidDataException>(() =>
                SafetensorsReader.ReadAsync(new MemoryStream(file[..length]), file.Length, "f", cancellationToken: Cancel)
            );
        }
    }
}
