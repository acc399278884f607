using System.Security.Cryptography;
using System.Text;
using Amazon.S3;
using Slowrun.Storage.Remote;

namespace Slowrun.Storage.S3;

/// <summary>Whether a server keeps to conditional writes. Some take the headers and ignore them.</summary>
internal static class S3Conditions
{
    // A name that is no object's: it is never listed. Where it is found, the server is not tried again. It names the server and the
    // bucket too: a store that is copied to another server brings no proof along.
    private const string Proven = ".conditional-writes";

    private static readonly byte[] Content = "This server keeps to If-None-Match and If-Match."u8.ToArray();

    /// <exception cref="StoreException">It does not: two trainers could both commit.</exception>
    public static async Task CheckAsync(S3Bucket bucket, S3Pipeline pipeline, CancellationToken cancellationToken)
    {
        var place = $"{bucket.Address.Endpoint} {bucket.Name}";
        var proven = $"{bucket.Address.Prefix}{Proven}-at-{Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(place)))[..16]}";
        await pipeline
            .RunAsync(
                "check its conditional writes",
                async token =>
                {
                    if (await bucket.TryLookAsync(proven, token).ConfigureAwait(false) is null)
                    {
                        await TryAsync(bucket, token).ConfigureAwait(false);
                        await bucket.PutAsync(proven, Content, WriteId.New(), onlyNew: false, null, token).ConfigureAwait(false);
                    }

                    return true;
                },
                cancellationToken
            )
            .ConfigureAwait(false);
    }

    private static async Task TryAsync(S3Bucket bucket, CancellationToken token)
    {
        // Of its own for each try: what another one left behind proves nothing.
        var key = $"{bucket.Address.Prefix}{Proven}-{WriteId.New()}";
        var etag = await WriteAsync(key, "one"u8.ToArray(), onlyNew: true, null).ConfigureAwait(false);
        try
        {
            if (etag is null || await WriteAsync(key, "two"u8.ToArray(), onlyNew: true, null).ConfigureAwait(false) is not null)
            {
                throw Ignored(bucket, "If-None-Match");
            }

            var next = await WriteAsync(key, "three"u8.ToArray(), onlyNew: false, etag).ConfigureAwait(false);
            if (next is null || await WriteAsync(key, "four"u8.ToArray(), onlyNew: false, etag).ConfigureAwait(false) is not null)
            {
                throw Ignored(bucket, "If-Match");
            }
        }
        finally
        {
            await bucket.DeleteAsync(key, null, token).ConfigureAwait(false);
        }

        async Task<string?> WriteAsync(string name, byte[] content, bool onlyNew, string? ifMatch)
        {
            try
            {
                return (await bucket.PutAsync(name, content, WriteId.New(), onlyNew, ifMatch, token).ConfigureAwait(false)).ETag;
            }
            catch (AmazonS3Exception e) when (e.IsConditionNotMet())
            {
                return null;
            }
            catch (AmazonS3Exception e) when ((int)e.StatusCode == 501)
            {
                throw Ignored(bucket, onlyNew ? "If-None-Match" : "If-Match");
            }
        }
    }

    private static StoreException Ignored(S3Bucket bucket, string header) =>
        new(
            StoreProblem.Unsuitable,
            $"The server of the store '{bucket.Address}' ignores conditional writes ({header}): two trainers could "
                + "both commit. Use S3 itself, or a server that keeps to them."
        );
}
