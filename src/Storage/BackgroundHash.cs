using System.IO.Hashing;
using System.Threading.Channels;

namespace Slowrun.Storage;

/// <summary>
/// The XxHash128 of memory that is being filled, computed on another thread while the next piece is read: a core reads about as fast as it
/// hashes, so that in turn they take twice as long. What was appended must stay as it is until <see cref="EndAsync"/>.
/// </summary>
internal sealed class BackgroundHash : IAsyncDisposable
{
    // Pieces that are read and not yet hashed: the oldest of more pieces would no longer be in the shared cache.
    private const int MostPieces = 8;

    private readonly Channel<ReadOnlyMemory<byte>> pieces = Channel.CreateBounded<ReadOnlyMemory<byte>>(
        new BoundedChannelOptions(MostPieces) { SingleReader = true, SingleWriter = true }
    );

    private readonly XxHash128 hash = new();
    private readonly Task worker;

    public BackgroundHash() => worker = Task.Run(HashAsync);

    public ValueTask AppendAsync(ReadOnlyMemory<byte> piece, CancellationToken cancellationToken) =>
        pieces.Writer.WriteAsync(piece, cancellationToken);

    /// <returns>Lower-case hex, of all that was appended.</returns>
    public async Task<string> EndAsync()
    {
        await DisposeAsync().ConfigureAwait(false);
        return Convert.ToHexStringLower(hash.GetCurrentHash());
    }

    /// <summary>Returns when no memory is read any more.</summary>
    public async ValueTask DisposeAsync()
    {
        pieces.Writer.TryComplete();
        await worker.ConfigureAwait(false);
    }

    private async Task HashAsync()
    {
        await foreach (var piece in pieces.Reader.ReadAllAsync().ConfigureAwait(false))
        {
            hash.Append(piece.Span);
        }
    }
}
