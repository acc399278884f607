using Slowrun.Training.Copies;

namespace Slowrun.Training.Tests.Copies;

public sealed class StreamingCopyTests
{
    [Theory]
    [InlineData(0)]
    [InlineData(StreamingCopy.FromBytes - 1)]
    [InlineData(StreamingCopy.FromBytes)]
    [InlineData(StreamingCopy.FromBytes + 1)]
    [InlineData(StreamingCopy.FromBytes + 127)]
    [InlineData(3 * StreamingCopy.FromBytes + 65)]
    public void Copy_AtAnyPlace_WritesEveryByteAndNoOther(int length)
    {
        var from = new byte[length + 64];
        new Random(length).NextBytes(from);
        foreach (var (source, target) in new[] { (0, 0), (1, 0), (0, 1), (7, 63), (64, 64), (33, 32) })
        {
            var to = new byte[length + 128];
            Array.Fill(to, (byte)0xA5);

            StreamingCopy.Copy(from.AsSpan(source, length), to.AsSpan(target, length));

            Assert.Equal(from[source..(source + length)], to[target..(target + length)]);
            Assert.All(to[..target], one => Assert.Equal(0xA5, one));
            Assert.All(to[(target + length)..], one => Assert.Equal(0xA5, one));
        }
    }

    [Fact]
    public void Copy_WithOtherLengths_IsRefused() =>
        Assert.Contains(
            "3 bytes",
            Assert.Throws<ArgumentException>(() => StreamingCopy.Copy(new byte[3], new byte[4])).Message,
            StringComparison.Ordinal
        );
}
