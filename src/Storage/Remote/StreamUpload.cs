namespace Slowrun.Storage.Remote;

/// <summary>How an object is created from a stream of unknown length: in one request where it is small, in blocks where it is
/// not.</summary>
internal static class StreamUpload
{
    /// <param name="put">Creates a small object in one request; false where there is one.</param>
    /// <param name="exists">Whether there is one.</param>
    /// <param name="send">Creates a large one from its first block and the rest of the stream; false where there is one by then.</param>
    public static async Task<bool> TryCreateAsync(
        Stream content,
        RemoteStoreOptions options,
        Func<ReadOnlyMemory<byte>, Task<bool>> put,
        Func<Task<bool>> exists,
        Func<UploadBlock, Task<bool>> send,
        CancellationToken cancellationToken
    )
    {
        using var first = await UploadBlock.ReadAsync(content, options.BlockBytes, cancellationToken).ConfigureAwait(false);
        if (first.Length < options.BlockBytes)
        {
            return await put(first.Content).ConfigureAwait(false);
        }

        // To look first saves sending it all for nothing. Whether it exists is decided by the last request alone.
        return !await exists().ConfigureAwait(false) && await send(first).ConfigureAwait(false);
    }
}
