using System.Net;
using Google;
using Slowrun.Storage.Remote;

namespace Slowrun.Storage.Gcs;

/// <summary>Writes objects: small ones in one request, large ones in blocks one after another, which make an object with the last
/// one.</summary>
internal sealed class GcsUpload(GcsBucket bucket, GcsPipeline pipeline, RemoteStoreOptions options)
{
    /// <summary>Puts an object in one request.</summary>
    /// <param name="ifGeneration">Only where the object is of this generation; 0: only where there is none; null: whatever is
    /// there.</param>
    /// <returns>Its generation; null where the condition does not hold.</returns>
    public Task<string?> TryPutAsync(string name, ReadOnlyMemory<byte> content, long? ifGeneration, CancellationToken cancellationToken)
    {
        var key = bucket.Key(name);
        var write = WriteId.New();
        return pipeline.RunAsync(
            $"write '{name}'",
            async token =>
            {
                try
                {
                    return GcsBucket.Text(await bucket.PutAsync(key, content, write, ifGeneration, token).ConfigureAwait(false));
                }
                catch (GoogleApiException e) when (e.IsConditionNotMet())
                {
                    // Perhaps by a try of ours whose answer was lost.
                    return await bucket.TryLookAsync(key, token).ConfigureAwait(false) is { } found && found.Write == write
                        ? GcsBucket.Text(found.Generation)
                        : null;
                }
            },
            cancellationToken
        );
    }

    /// <summary>Creates an object from a stream; false where there is one.</summary>
    public Task<bool> TryCreateAsync(string name, Stream content, CancellationToken cancellationToken)
    {
        var key = bucket.Key(name);
        return StreamUpload.TryCreateAsync(
            content,
            options,
            async small => await TryPutAsync(name, small, 0, cancellationToken).ConfigureAwait(false) is not null,
            async () => await LookAsync(name, key, cancellationToken).ConfigureAwait(false) is not null,
            first => SendAllAsync(name, key, first, content, cancellationToken),
            cancellationToken
        );
    }

    /// <summary>What is not completed is no object; the server forgets it after a week, and asks no money for it.</summary>
    private async Task<bool> SendAllAsync(string name, string key, UploadBlock first, Stream content, CancellationToken cancellationToken)
    {
        var write = WriteId.New();
        if (await TryBeginAsync(name, key, write, cancellationToken).ConfigureAwait(false) is not { } upload)
        {
            return false;
        }

        var (block, offset, sum) = (first, 0L, new Crc32C());
        UploadBlock? next = null;
        try
        {
            do
            {
                // One ahead: the last block has to be known as such.
                next = await UploadBlock.ReadAsync(content, options.BlockBytes, cancellationToken).ConfigureAwait(false);
                sum.Append(block.Content.Span);
                var whole = next.Length == 0 ? sum.Value : null;
                if (!await TrySendAsync(name, key, upload, block, offset, whole, write, cancellationToken).ConfigureAwait(false))
                {
                    return false;
                }

                offset += block.Length;
                block.Dispose();
                (block, next) = (next, null);
            } while (block.Length > 0);

            return true;
        }
        finally
        {
            block.Dispose();
            next?.Dispose();
        }
    }

    private Task<Uri?> TryBeginAsync(string name, string key, string write, CancellationToken cancellationToken) =>
        pipeline.RunAsync<Uri?>(
            $"write '{name}'",
            async token =>
            {
                try
                {
                    return await bucket.BeginAsync(key, write, token).ConfigureAwait(false);
                }
                catch (GoogleApiException e) when (e.IsConditionNotMet())
                {
                    return null;
                }
            },
            cancellationToken
        );

    /// <summary>Sends a block, of which the server may keep a part at a time. A try after a failed one asks first how far it is: the
    /// answer alone may have been lost.</summary>
    /// <param name="sum">Of the whole object, with its last block.</param>
    /// <returns>False where there is another's object.</returns>
    private Task<bool> TrySendAsync(
        string name,
        string key,
        Uri upload,
        UploadBlock block,
        long offset,
        string? sum,
        string write,
        CancellationToken cancellationToken
    )
    {
        var (tries, end) = (0, offset + block.Length);
        long? total = sum is null ? null : end;
        return pipeline.RunAsync(
            $"write '{name}'",
            async token =>
            {
                try
                {
                    var progress =
                        tries++ == 0
                            ? new GcsProgress(offset, null, null)
                            : await bucket.SendAsync(upload, null, 0, total, token).ConfigureAwait(false);
                    while (progress.Made is null && (progress.Kept < end || sum is not null))
                    {
                        if (progress.Kept < offset)
                        {
                            throw Lost(name, $"it has {progress.Kept} bytes of the {offset} that it had confirmed", null);
                        }

                        var rest = block.Content[(int)(progress.Kept - offset)..];
                        // All is there, and no object: asked once more, the server makes it.
                        ReadOnlyMemory<byte>? piece = rest.Length == 0 ? null : rest;
                        var next = await bucket.SendAsync(upload, piece, progress.Kept, total, token).ConfigureAwait(false);
                        progress =
                            next.Made is not null || next.Kept > progress.Kept
                                ? next
                                : throw new IOException($"The server kept nothing of the {rest.Length} bytes that it was sent");
                    }

                    if (progress.Crc32C is { } kept && sum is not null && kept != sum)
                    {
                        await bucket.DeleteAsync(key, progress.Made!.Value.Generation, token).ConfigureAwait(false);
                        throw Lost(name, "it was damaged on its way", null);
                    }

                    return true;
                }
                catch (GoogleApiException e) when (e.IsConditionNotMet() || (IsForgotten(e) && sum is not null))
                {
                    // The object may be of a try of ours whose answer was lost.
                    return await bucket.TryLookAsync(key, token).ConfigureAwait(false) is { } found ? found.Write == write
                        : IsForgotten(e) ? throw Lost(name, GcsErrors.Short(e), e)
                        : false;
                }
                catch (GoogleApiException e) when (IsForgotten(e))
                {
                    throw Lost(name, GcsErrors.Short(e), e);
                }
            },
            cancellationToken
        );
    }

    /// <summary>The server knows the upload no more.</summary>
    private static bool IsForgotten(GoogleApiException e) => e.HttpStatusCode is HttpStatusCode.NotFound or HttpStatusCode.Gone;

    private StoreException Lost(string name, string why, Exception? e) =>
        new(
            StoreProblem.Unreachable,
            $"The store '{bucket.Address}' lost the upload of '{name}': {why}. Nothing of that name was made; the "
                + "upload has to be made again.",
            e
        );

    private Task<GcsFound?> LookAsync(string name, string key, CancellationToken cancellationToken) =>
        pipeline.RunAsync($"look for '{name}'", token => bucket.TryLookAsync(key, token), cancellationToken);
}
