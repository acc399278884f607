namespace Slowrun.Data.Inputs;

/// <summary>Turns every exception of a decompressor on damaged data into one type: some libraries throw plain <see
/// cref="Exception"/>s.</summary>
/// <param name="position">How far the file has been read.</param>
internal sealed class DecompressedStream(Stream decompressor, Func<long> position) : ForwardStream
{
    /// <exception cref="InvalidDataException">The compressed data is damaged or cut off.</exception>
    public override int Read(Span<byte> buffer)
    {
        try
        {
            return decompressor.Read(buffer);
        }
        catch (Exception e) when (e is not OperationCanceledException)
        {
            throw new InvalidDataException($"Its compressed data is damaged or cut off, before byte {position()} of the file.", e);
        }
    }

    protected override void Dispose(bool disposing)
    {
        if (disposing)
        {
            decompressor.Dispose();
        }

        base.Dispose(disposing);
    }
}
