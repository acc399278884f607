using System.Buffers;

namespace Slowrun.Storage.Remote;

/// <summary>A piece of a stream that is uploaded, in a pooled buffer.</summary>
internal sealed class UploadBlock : IDisposable
{
    private readonly byte[] buffer;
    private int disposed;

    private UploadBlock(byte[] buffer, int length) => (this.buffer, Length) = (buffer, length);

    public int Length { get; }

    public ReadOnlyMemory<byte> Content => buffer.AsMemory(0, Length);

    /// <summary>The next block: shorter than the others at the end of the stream, and then empty.</summary>
    public static async Task<UploadBlock> ReadAsync(Stream content, int blockBytes, CancellationToken cancellationToken)
    {
        var buffer = ArrayPool<byte>.Shared.Rent(blockBytes);
        try
        {
            var length = await content
                .ReadAtLeastAsync(buffer.AsMemory(0, blockBytes), blockBytes, throwOnEndOfStream: false, cancellationToken)
                .ConfigureAwait(false);
            return new UploadBlock(buffer, length);
        }
        catch
        {
            ArrayPool<byte>.Shared.Return(buffer);
            throw;
        }
    }

    /// <summary>Sends a block that was read, and the rest of the stream, some side by side. Each is returned when it was sent.</summary>
    /// <param name="send">Sends a block, counted from 0.</param>
    /// <returns>What each was answered with, in the order of the stream.</returns>
    public static async Task<IReadOnlyList<T>> SendAllAsync<T>(
        UploadBlock first,
        Stream content,
        RemoteStoreOptions options,
        Func<int, UploadBlock, CancellationToken, Task<T>> send,
        CancellationToken cancellationToken
    )
    {
        var all = new List<Task<T>>();
        var underWay = new List<Task>();
        using var failed = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        try
        {
            var block = first;
            for (; block.Length > 0; block = await ReadAsync(content, options.BlockBytes, failed.Token).ConfigureAwait(false))
            {
                var sending = SendAsync(all.Count, block, send, failed.Token);
                all.Add(sending);
                underWay.Add(sending);
                if (underWay.Count == options.BlocksAtOnce)
                {
                    var done = await Task.WhenAny(underWay).ConfigureAwait(false);
                    underWay.Remove(done);
                    await done.ConfigureAwait(false);
                }
            }

            block.Dispose();
            return await Task.WhenAll(all).ConfigureAwait(false);
        }
        catch
        {
            // Nothing is committed, so nothing is there; but nothing may still be reading our buffers when this returns.
            await failed.CancelAsync().ConfigureAwait(false);
            await Task.WhenAll(all)
                .ContinueWith(_ => { }, CancellationToken.None, TaskContinuationOptions.None, TaskScheduler.Default)
                .ConfigureAwait(false);
            throw;
        }
    }

    /// <summary>Gives the buffer back, once.</summary>
    public void Dispose()
    {
        if (Interlocked.Exchange(ref disposed, 1) == 0)
        {
            ArrayPool<byte>.Shared.Return(buffer);
        }
    }

    private static async Task<T> SendAsync<T>(
        int index,
        UploadBlock block,
        Func<int, UploadBlock, CancellationToken, Task<T>> send,
        CancellationToken cancellationToken
    )
    {
        using (block)
        {
            return await send(index, block, cancellationToken).ConfigureAwait(false);
        }
    }
}
