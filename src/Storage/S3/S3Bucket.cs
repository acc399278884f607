using System.Globalization;
using Amazon.S3;
using Amazon.S3.Model;
using Slowrun.Storage.Remote;

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
                : throw ObjectChunk.BrokenOff(key, read, content.Length);
        }
        catch (AmazonS3Exception e) when (e.IsMissing())
        {
            return null;
        }
    }

    /// <summary>Reads [offset, offset + count) of an object, cut at its end. Null where there is no such object, or no longer that
    /// one.</summary>
    /// <param name="etag">What the object must still be; null: anything.</param>
    /// <exception cref="IOException">The body was shorter than announced.</exception>
    public async Task<ObjectChunk?> TryReadAsync(string key, long offset, int count, string? etag, CancellationToken token)
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
            return await ObjectChunk.ReadAsync(answer.ResponseStream, key, offset, count, total, answer.ETag, token).ConfigureAwait(false);
        }
        catch (AmazonS3Exception e) when ((int)e.StatusCode == 416)
        {
            // Nothing there to read: an empty object, or an offset at or beyond the end. With an etag it was not so when it was opened.
            return etag is null && await TryLookAsync(key, token).ConfigureAwait(false) is { } found
                ? ObjectChunk.Empty(found.Length, found.Version.ETag)
                : null;
        }
        catch (AmazonS3Exception e) when (e.IsMissing() || (etag is not null && e.IsConditionNotMet()))
        {
            return null;
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
        request.Metadata.Add(WriteId.Key, write);
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
