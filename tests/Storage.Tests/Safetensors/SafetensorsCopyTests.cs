using System.Runtime.InteropServices;
using Slowrun.Core.Tensors;
using Slowrun.Storage.Safetensors;

namespace Slowrun.Storage.Tests.Safetensors;

public sealed class SafetensorsCopyTests
{
    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    [Theory]
    [InlineData(1f, 0x3F80)]
    [InlineData(-2.5f, 0xC020)]
    [InlineData(0f, 0x0000)]
    [InlineData(-0f, 0x8000)]
    [InlineData(float.PositiveInfinity, 0x7F80)]
    [InlineData(float.NegativeInfinity, 0xFF80)]
    // The largest float32 is nearer to 2^128 than to the largest bfloat16.
    [InlineData(float.MaxValue, 0x7F80)]
    [InlineData(float.Epsilon, 0x0000)]
    public void Rounded_OfNumbers_IsTheNearest(float value, int expected) => Assert.Equal(expected, Bfloat16.Round(value));

    [Theory]
    // Halfway between two: to the one whose last bit is 0, down from 0x3F80 and up from 0x3F81.
    [InlineData(0x3F808000, 0x3F80)]
    [InlineData(0x3F818000, 0x3F82)]
    [InlineData(0x3F808001, 0x3F81)]
    [InlineData(0x3F807FFF, 0x3F80)]
    // A carry through the mantissa goes into the exponent.
    [InlineData(0x3FFF8000, 0x4000)]
    public void Rounded_OfTies_IsTheEvenOne(uint bits, int expected) =>
        Assert.Equal(expected, Bfloat16.Round(BitConverter.UInt32BitsToSingle(bits)));

    [Theory]
    [InlineData(0x7FFFFFFF)]
    [InlineData(0x7F800001)]
    [InlineData(0xFFC00000)]
    public void Rounded_OfNoNumber_StaysNone(uint bits)
    {
        var rounded = Bfloat16.Round(BitConverter.UInt32BitsToSingle(bits));

        Assert.True(float.IsNaN(BitConverter.UInt32BitsToSingle((uint)rounded << 16)));
    }

    [Fact]
    public async Task Write_OfAFile_RoundsFloatsAndKeepsNamesShapesAndOrder()
    {
        // More than a block, and no multiple of one.
        float[] big = [.. Enumerable.Range(0, 300_001).Select(i => MathF.Sin(i))];
        long[] other = [7, 8];
        TensorData[] tensors =
        [
            new("b.weight", ElementType.F32, [300_001, 1], MemoryMarshal.AsBytes(big.AsSpan()).ToArray()),
            new("a.counts", ElementType.I64, [2], MemoryMarshal.AsBytes(other.AsSpan()).ToArray()),
            new("empty", ElementType.F32, [0], ReadOnlyMemory<byte>.Empty),
            new("scalar", ElementType.F32, [], MemoryMarshal.AsBytes<float>([0.1f]).ToArray()),
        ];
        using var file = SafetensorsWriter.OpenRead(tensors);
        using var copy = new MemoryStream();

        await SafetensorsCopy.WriteAsync(file, file.Length, "test", copy, ElementType.BF16, cancellationToken: Cancel);

        copy.Position = 0;
        var read = await SafetensorsReader.ReadAsync(copy, copy.Length, "copy", cancellationToken: Cancel);
        Assert.Equal(
            tensors.Select(tensor => (tensor.Name, string.Join(",", tensor.Shape))),
            read.Select(tensor => (tensor.Name, string.Join(",", tensor.Shape)))
        );
        Assert.Equal([ElementType.BF16, ElementType.I64, ElementType.BF16, ElementType.BF16], read.Select(tensor => tensor.Type));
        Assert.Equal(big.Select(Bfloat16.Round), MemoryMarshal.Cast<byte, ushort>(read[0].Bytes.Span).ToArray());
        Assert.Equal(tensors[1].Bytes.ToArray(), read[1].Bytes.ToArray());
    }

    [Theory]
    [InlineData("", 1)]
    [InlineData("late0/", 2)]
    public async Task Write_OfOneModelOfSeveral_KeepsItAloneUnderPlainNames(string model, byte value)
    {
        using var file = SafetensorsWriter.OpenRead(
            [
                new("a.weight", ElementType.F32, [1], new byte[] { 1, 0, 0, 0 }),
                new("late0/a.weight", ElementType.F32, [1], new byte[] { 2, 0, 0, 0 }),
                new("late1/a.weight", ElementType.F32, [1], new byte[] { 3, 0, 0, 0 }),
            ]
        );
        using var copy = new MemoryStream();

        await SafetensorsCopy.WriteAsync(file, file.Length, "test", copy, ElementType.F32, model, Cancel);

        // The whole file was read: its hash covers every byte.
        Assert.Equal(file.Length, file.Position);
        copy.Position = 0;
        var tensor = Assert.Single(await SafetensorsReader.ReadAsync(copy, copy.Length, "copy", cancellationToken: Cancel));
        Assert.Equal(("a.weight", value), (tensor.Name, tensor.Bytes.Span[0]));
        // transformers refuses a file whose metadata does not say that it is PyTorch's.
        Assert.StartsWith(
            """{"__metadata__":{"format":"pt"},"a.weight":""",
            System.Text.Encoding.UTF8.GetString(copy.ToArray(), 8, 60),
            StringComparison.Ordinal
        );
    }

    [Fact]
    public async Task Write_OfAModelThatIsNotThere_SaysSo()
    {
        using var file = SafetensorsWriter.OpenRead([new("a", ElementType.F32, [1], new byte[4])]);

        var refused = await Assert.ThrowsAsync<InvalidDataException>(() =>
            SafetensorsCopy.WriteAsync(file, file.Length, "test", new MemoryStream(), ElementType.F32, "late0/", Cancel)
        );
        Assert.Contains("no tensor named 'late0/…'", refused.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Write_OfAFileCutShort_Throws()
    {
        using var file = SafetensorsWriter.OpenRead([new("a", ElementType.F32, [4], new byte[16])]);
        var bytes = new byte[file.Length];
        await file.ReadExactlyAsync(bytes, Cancel);

        await Assert.ThrowsAsync<InvalidDataException>(() =>
            SafetensorsCopy.WriteAsync(
                new MemoryStream(bytes[..^3]),
                bytes.Length,
                "test",
                new MemoryStream(),
                ElementType.BF16,
                cancellationToken: Cancel
            )
        );
    }
}
