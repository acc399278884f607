namespace Slowrun.Storage.Tests.Stores;

/// <summary>Content in pieces of odd sizes, without a length and without seeking: the least that a stream may offer.</summary>
internal sealed class TrickleStream(byte[] content, int failAt = int.MaxValue) : Stream
{
    private int position;

    public override bool CanRead => true;

    public override bool CanSeek => false;

    public override bool CanWrite => false;

    public override long Length => throw new NotSupportedException();

    public override long Position
    {
        get => throw new NotSupportedException();
        set => throw new NotSupportedException();
    }

    public override int Read(byte[] buffer, int offset, int count)
    {
        if (position >= failAt)
        {
            throw new InvalidDataException("The source broke.");
        }

        var read = Math.Min(Math.Min(count, 65_537), content.Length - position);
        Array.Copy(content, position, buffer, offset, read);
        position += read;
        return read;
    }

    public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();

    public override void Flush() { }

    public override void SetLength(long value) => throw new NotSupportedException();

    public override void Write(byte[] buffer, int offset, int count) => throw new NotSupportedException();
}
