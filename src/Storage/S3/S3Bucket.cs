using System.Buffers;
using System.Globalization;
using Amazon.S3;
using Amazon.S3.Model;
using Slowrun.Storage.Blobs;

namespace Slowrun.Storage.S3;

/// <summary>Single requests for the objects of one store, and what their answers mean. Nothing is tried twice here.</summary>
internal sealed class S3Bucket(IAmazonS3 client, S3Address address)
{
    public S3Address Address => address;

    public IAmazonS3 Client => client;

    public string Name => address.Bucket;

    public string Key(string name)
    {
        ObjectNames.Check(name);
        return address.Prefix + name;
    }

    /// <summary>Null where there is no such object.</summary>
    public async Task<(S3Version Version, long Length)?> TryLookAsync(string key, CancellationToken token)
    {
        try
        {
            var found = await client
                .GetObjectMetadataAsync(new GetObjectMetadataRequest { BucketName = Name, Key = key }, token)
                .ConfigureAwait(false);
            return (S3Version.Of(found.ETag, found.Metadata), found.ContentLength);
        }
        catch (AmazonS3Exception e) when (e.IsMissing())
        {
            return null;
        }
    }

    /// <summary>Null where there is no such object.</summary>
    public async Task<StoredObject?> TryReadAsync(string key, CancellationToken token)
    {
        try
        {
            using var answer = await client
                .GetObjectAsync(new GetObjectRequest { BucketName = Name, Key = key }, token)
                .ConfigureAwait(false);
            var content = new byte[answer.ContentLength];
            var read = await answer
                .ResponseStream.ReadAtLeastAsync(content, content.Length, throwOnEndOfStream: false, token)
                .ConfigureAwait(false);
            return read == content.Length
                ? new StoredObject(content, S3Version.Of(answer.ETag, answer.Metadata).ToString(), Time(answer.LastModified))
                : throw new IOException($"Object '{key}' broke off after {read} of {content.Length} bytes");
        }
        catch (AmazonS3Exception e) when (e.IsMissing())
        {
            return null;
        }
    }

    /// <summary>Reads [offset, offset + count) of an object, cut at its end.</summary>
    /// <param name="etag">What the object must still be; null: anything.</param>
    /// <exception cref="IOException">The body was shorter than announced.</exception>
    public async Task<BlobChunk> ReadAsync(string key, long offset, int count, string? etag, CancellationToken token)
    {
        try
        {
            using var answer = await client
                .GetObjectAsync(
                    new GetObjectRequest
                    {
                        BucketName = Name,
                        Key = key,
                        ByteRange = new ByteRange(offset, offset + count - 1),
                        EtagToMatch = etag,
                    },
                    token
                )
                .ConfigureAwait(false);
            var total = long.Parse(answer.ContentRange.Split('/')[1], CultureInfo.InvariantCulture);
            var length = (int)Math.Min(count, total - offset);
            var buffer = ArrayPool<byte>.Shared.Rent(count);
            try
            {
                var read = await answer
                    .ResponseStream.ReadAtLeastAsync(buffer.AsMemory(0, length), length, throwOnEndOfStream: false, token)
                    .ConfigureAwait(false);
                return read == length
                    ? new BlobChunk(buffer, length, total, answer.ETag)
                    : throw new IOException($"Object '{key}' broke off after {read} of {length} bytes");
            }
            catch
            {
                ArrayPool<byte>.Shared.Return(buffer);
                throw;
            }
        }
        catch (AmazonS3Exception e) when ((int)e.StatusCode == 416 && etag is not null)
        {
            throw new InvalidDataException($"'{key}' was replaced or deleted while it was being read.", e);
        }
        catch (AmazonS3Exception e) when ((int)e.StatusCode == 416)
        {
            // Nothing there to read: an empty object, or an offset at or beyond the end.
            var found =
                await TryLookAsync(key, token).ConfigureAwait(false)
                ?? throw new InvalidDataException($"'{key}' was deleted while it was being read.", e);
            return new BlobChunk(ArrayPool<byte>.Shared.Rent(1), 0, found.Length, found.Version.ETag);
        }
    }

    /// <summary>One request. Throws where a condition does not hold.</summary>
    /// <param name="onlyNew">Only where there is no such object.</param>
    /// <param name="ifMatch">Only where the object has this etag; null: whatever it has.</param>
    public async Task<S3Version> PutAsync(
        string key,
        ReadOnlyMemory<byte> content,
        string write,
        bool onlyNew,
        string? ifMatch,
        CancellationToken token
    )
    {
        using var body = new MemoryBlocksStream(content);
        var request = new PutObjectRequest
        {
            BucketName = Name,
            Key = key,
            InputStream = body,
            AutoCloseStream = false,
            UseChunkEncoding = false,
            IfNoneMatch = onlyNew ? "*" : null,
            IfMatch = ifMatch,
        };
        request.Metadata.Add(S3Version.Key, write);
        var answer = await client.PutObjectAsync(request, token).ConfigureAwait(false);
        return new S3Version(answer.ETag, write);
    }

    public Task DeleteAsync(string key, string? ifMatch, CancellationToken token) =>
        client.DeleteObjectAsync(
            new DeleteObjectRequest
            {
                BucketName = Name,
                Key = key,
                IfMatch = ifMatch,
            },
            token
        );

    public static DateTimeOffset Time(DateTime? time) =>
        time is { } at ? new DateTimeOffset(at.ToUniversalTime()) : DateTimeOffset.UnixEpoch;
}
