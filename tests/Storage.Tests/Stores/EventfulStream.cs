namespace Slowrun.Storage.Tests.Stores;

/// <summary>Before its bytes from a place on are read, something happens once.</summary>
internal sealed class EventfulStream(byte[] content, long place, Action happens) : MemoryStream(content)
{
    private bool done;

    public override ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default)
    {
        if (!done && Position >= place)
        {
            done = true;
            happens();
        }

        return base.ReadAsync(buffer[..Math.Min(buffer.Length, 1 << 20)], cancellationToken);
    }
}
