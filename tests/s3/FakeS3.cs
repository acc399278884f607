using System.Collections.Concurrent;
using System.Globalization;
using System.Net;
using System.Security.Cryptography;
using System.Text;
using System.Xml.Linq;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Logging;

namespace Slowrun.Tests.S3;

/// <summary>
/// A server that speaks as much of S3's protocol as a store needs, in memory, on a free port of this machine: buckets, objects with
/// conditions, parts, listings by pages. It asks for a signature (SigV4) of its one key and compares the hash of the body in it, and
/// verifies no signature. Source: the API reference of S3.
/// </summary>
public sealed class FakeS3 : IAsyncDisposable
{
    public const string AccessKey = "AKIDEXAMPLE";
    public const string SecretKey = "wJalrXUtnFEMI-K7MDENG+bPxRfiCYEXAMPLEKEY";

    private readonly WebApplication app;
    private readonly Lock gate = new();
    private readonly Dictionary<string, SortedDictionary<string, Stored>> buckets = new(StringComparer.Ordinal);
    private readonly Dictionary<string, Upload> uploads = new(StringComparer.Ordinal);
    private int ids;

    public FakeS3()
    {
        var builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        builder.WebHost.ConfigureKestrel(kestrel =>
        {
            kestrel.Listen(IPAddress.Loopback, 0);
            kestrel.Limits.MaxRequestBodySize = 64 << 20;
        });
        app = builder.Build();
        app.Run(ServeAsync);
        app.StartAsync().GetAwaiter().GetResult();
        Port = new Uri(app.Urls.Single()).Port;
    }

    public int Port { get; }

    /// <summary>Takes the header and does not look at it, as some servers do: <c>If-None-Match</c> or <c>If-Match</c>.</summary>
    public string? Ignored { get; init; }

    /// <summary>So many of the next conditional writes are answered with 409 ConditionalRequestConflict.</summary>
    public int Conflicts { get; set; }

    /// <summary>Most entries of one page of a listing.</summary>
    public int PageSize { get; init; } = 1000;

    /// <summary>What was asked: method, path and query.</summary>
    public ConcurrentQueue<string> Asked { get; } = [];

    /// <summary>Uploads in parts that were neither completed nor aborted.</summary>
    public int OpenUploads => uploads.Count;

    /// <param name="port">Another one in front of it.</param>
    public string Address(string bucketAndPrefix, int? port = null) =>
        $"s3://{bucketAndPrefix}?endpoint=http://127.0.0.1:{port ?? Port}&region=eu-central-1";

    /// <summary>An address in a bucket that no other test uses.</summary>
    public string NewAddress(int? port = null) => Address($"t{Guid.NewGuid():N}/store", port);

    public void DeleteBucket(string bucket)
    {
        lock (gate)
        {
            buckets.Remove(bucket);
        }
    }

    /// <summary>Puts an object as another program would.</summary>
    public void Put(string bucket, string key, string text)
    {
        lock (gate)
        {
            buckets[bucket][key] = new Stored(Encoding.UTF8.GetBytes(text), Quoted(Md5(Encoding.UTF8.GetBytes(text))), "", Now());
        }
    }

    public ValueTask DisposeAsync() => app.DisposeAsync();

    private async Task ServeAsync(HttpContext context)
    {
        var request = context.Request;
        Asked.Enqueue($"{request.Method} {request.Path}{request.QueryString}");
        using var memory = new MemoryStream();
        await request.Body.CopyToAsync(memory);
        var body = memory.ToArray();
        var answer = Refusal(request, body);
        if (answer is null)
        {
            lock (gate)
            {
                answer = Answer(request, body);
            }
        }

        context.Response.StatusCode = answer.Status;
        foreach (var (name, value) in answer.Headers)
        {
            context.Response.Headers[name] = value;
        }

        context.Response.Headers["x-amz-request-id"] = "4442587FB7D0A2F9";
        if (request.Method == "HEAD")
        {
            context.Response.ContentLength = answer.Status == 200 ? answer.Body.Length : null;
            return;
        }

        if (answer.Status is not (204 or 304))
        {
            context.Response.ContentLength = answer.Body.Length;
            await context.Response.Body.WriteAsync(answer.Body);
        }
    }

    private static FakeReply? Refusal(HttpRequest request, byte[] body)
    {
        var signed = request.Headers.Authorization.ToString();
        if (
            !signed.StartsWith("AWS4-HMAC-SHA256 Credential=", StringComparison.Ordinal)
            || !signed.Contains("/s3/aws4_request", StringComparison.Ordinal)
        )
        {
            return FakeReply.Error(403, "AccessDenied");
        }

        if (!signed.Contains($"Credential={AccessKey}/", StringComparison.Ordinal))
        {
            return FakeReply.Error(403, "InvalidAccessKeyId");
        }

        var hash = request.Headers["x-amz-content-sha256"].ToString();
        return hash == Convert.ToHexStringLower(SHA256.HashData(body)) ? null : FakeReply.Error(400, "XAmzContentSHA256Mismatch");
    }

    private FakeReply Answer(HttpRequest request, byte[] body)
    {
        var path = request.Path.Value!.TrimStart('/').Split('/', 2);
        var (bucket, key, query) = (path[0], path.Length > 1 ? path[1] : "", request.Query);
        if (key.Length == 0 && request.Method == "PUT")
        {
            return buckets.TryAdd(bucket, new SortedDictionary<string, Stored>(StringComparer.Ordinal))
                ? new FakeReply(200)
                : FakeReply.Error(409, "BucketAlreadyOwnedByYou");
        }

        if (!buckets.TryGetValue(bucket, out var objects))
        {
            return FakeReply.Error(404, "NoSuchBucket");
        }

        return (request.Method, key.Length > 0) switch
        {
            ("GET", false) => List(bucket, objects, query),
            ("GET" or "HEAD", true) => Get(request, objects, key),
            ("PUT", true) when query.ContainsKey("partNumber") => Part(query, body),
            ("PUT", true) => Put(request, objects, key, body),
            ("POST", true) when query.ContainsKey("uploads") => Begin(request, bucket, key),
            ("POST", true) => Complete(request, objects, key, body),
            ("DELETE", true) when query.ContainsKey("uploadId") => new FakeReply(uploads.Remove(query["uploadId"]!) ? 204 : 404),
            ("DELETE", true) => Delete(request, objects, key),
            _ => FakeReply.Error(501, "NotImplemented"),
        };
    }

    private FakeReply? Unmet(HttpRequest request, Stored? found)
    {
        var (onlyNew, match) = (Header(request, "If-None-Match"), Header(request, "If-Match"));
        if ((onlyNew ?? match) is not null && request.Method != "DELETE" && Conflicts > 0)
        {
            Conflicts--;
            return FakeReply.Error(409, "ConditionalRequestConflict");
        }

        return onlyNew == "*" && found is not null ? FakeReply.Error(412, "PreconditionFailed")
            : match is not null && found is null ? FakeReply.Error(404, "NoSuchKey")
            : match is not null && match != found!.ETag ? FakeReply.Error(412, "PreconditionFailed")
            : null;
    }

    private string? Header(HttpRequest request, string name) =>
        name != Ignored && request.Headers[name] is { Count: > 0 } given ? given.ToString() : null;

    private FakeReply Put(HttpRequest request, SortedDictionary<string, Stored> objects, string key, byte[] body)
    {
        if (Unmet(request, objects.GetValueOrDefault(key)) is { } refusal)
        {
            return refusal;
        }

        var etag = Quoted(Md5(body));
        objects[key] = new Stored(body, etag, Write(request), Now());
        return new FakeReply(200) { Headers = { ["ETag"] = etag } };
    }

    private static FakeReply Get(HttpRequest request, SortedDictionary<string, Stored> objects, string key)
    {
        if (!objects.TryGetValue(key, out var found))
        {
            return FakeReply.Error(404, "NoSuchKey");
        }

        if (request.Headers.IfMatch is { Count: > 0 } match && match != found.ETag)
        {
            return FakeReply.Error(412, "PreconditionFailed");
        }

        var reply = new FakeReply(200)
        {
            Body = found.Content,
            Headers =
            {
                ["ETag"] = found.ETag,
                ["Last-Modified"] = found.ModifiedAt.ToString("R", CultureInfo.InvariantCulture),
                ["Accept-Ranges"] = "bytes",
            },
        };
        if (found.Write.Length > 0)
        {
            reply.Headers["x-amz-meta-slowrun-write"] = found.Write;
        }

        if (request.Headers.Range is not { Count: > 0 } range)
        {
            return reply;
        }

        var ends = range.ToString()["bytes=".Length..].Split('-').Select(end => long.Parse(end, CultureInfo.InvariantCulture)).ToArray();
        if (ends[0] >= found.Content.Length)
        {
            return FakeReply.Error(416, "InvalidRange");
        }

        var last = (int)Math.Min(ends[1], found.Content.Length - 1);
        reply.Headers["Content-Range"] = $"bytes {ends[0]}-{last}/{found.Content.Length}";
        return reply with { Status = 206, Body = found.Content[(int)ends[0]..(last + 1)] };
    }

    private FakeReply Delete(HttpRequest request, SortedDictionary<string, Stored> objects, string key)
    {
        if (Unmet(request, objects.GetValueOrDefault(key)) is { } refusal)
        {
            return refusal;
        }

        objects.Remove(key);
        return new FakeReply(204);
    }

    private FakeReply Begin(HttpRequest request, string bucket, string key)
    {
        var id = $"upload-{++ids}";
        uploads[id] = new Upload(Write(request), []);
        return FakeReply.Xml(
            200,
            new XElement(
                "InitiateMultipartUploadResult",
                new XElement("Bucket", bucket),
                new XElement("Key", key),
                new XElement("UploadId", id)
            )
        );
    }

    private FakeReply Part(IQueryCollection query, byte[] body)
    {
        if (!uploads.TryGetValue(query["uploadId"]!, out var upload))
        {
            return FakeReply.Error(404, "NoSuchUpload");
        }

        upload.Parts[int.Parse(query["partNumber"]!, CultureInfo.InvariantCulture)] = body;
        return new FakeReply(200) { Headers = { ["ETag"] = Quoted(Md5(body)) } };
    }

    private FakeReply Complete(HttpRequest request, SortedDictionary<string, Stored> objects, string key, byte[] body)
    {
        var id = request.Query["uploadId"].ToString();
        if (!uploads.TryGetValue(id, out var upload))
        {
            return FakeReply.Error(404, "NoSuchUpload");
        }

        if (Unmet(request, objects.GetValueOrDefault(key)) is { } refusal)
        {
            return refusal;
        }

        var named = XElement.Parse(Encoding.UTF8.GetString(body)).Elements().Where(part => part.Name.LocalName == "Part");
        var parts = named
            .Select(part => upload.Parts[int.Parse(part.Elements().Single(one => one.Name.LocalName == "PartNumber").Value, null)])
            .ToList();
        var etag = $"\"{Convert.ToHexStringLower(Md5([.. parts.SelectMany(Md5)]))}-{parts.Count}\"";
        objects[key] = new Stored([.. parts.SelectMany(part => part)], etag, upload.Write, Now());
        uploads.Remove(id);
        return FakeReply.Xml(200, new XElement("CompleteMultipartUploadResult", new XElement("Key", key), new XElement("ETag", etag)));
    }

    private FakeReply List(string bucket, SortedDictionary<string, Stored> objects, IQueryCollection query)
    {
        var (prefix, delimiter) = (query["prefix"].ToString(), query["delimiter"].ToString());
        var after = Encoding.UTF8.GetString(Convert.FromBase64String(query["continuation-token"].ToString()));
        var most = Math.Min(PageSize, int.TryParse(query["max-keys"], out var given) ? given : PageSize);
        var page = new XElement(
            "ListBucketResult",
            new XElement("Name", bucket),
            new XElement("Prefix", prefix),
            new XElement("MaxKeys", most)
        );
        var (count, last, truncated) = (0, "", false);
        foreach (var (key, stored) in objects.Where(one => one.Key.StartsWith(prefix, StringComparison.Ordinal)))
        {
            var end = delimiter.Length > 0 ? key.IndexOf(delimiter, prefix.Length, StringComparison.Ordinal) : -1;
            var entry = end < 0 ? key : key[..(end + 1)];
            if (string.CompareOrdinal(entry, after) <= 0 || entry == last)
            {
                continue;
            }

            if (count == most)
            {
                truncated = true;
                break;
            }

            (count, last) = (count + 1, entry);
            page.Add(
                end < 0
                    ? new XElement(
                        "Contents",
                        new XElement("Key", key),
                        new XElement("LastModified", stored.ModifiedAt.ToString("yyyy-MM-ddTHH:mm:ss.000Z", CultureInfo.InvariantCulture)),
                        new XElement("ETag", stored.ETag),
                        new XElement("Size", stored.Content.Length)
                    )
                    : new XElement("CommonPrefixes", new XElement("Prefix", entry))
            );
        }

        page.Add(new XElement("KeyCount", count), new XElement("IsTruncated", truncated));
        if (truncated)
        {
            page.Add(new XElement("NextContinuationToken", Convert.ToBase64String(Encoding.UTF8.GetBytes(last))));
        }

        return FakeReply.Xml(200, page);
    }

    // What S3's etags are made of.
#pragma warning disable CA5351 // It protects nothing here.
    private static byte[] Md5(byte[] content) => MD5.HashData(content);
#pragma warning restore CA5351

    private static string Write(HttpRequest request) => request.Headers["x-amz-meta-slowrun-write"].ToString();

    private static DateTimeOffset Now() => TimeProvider.System.GetUtcNow();

    private static string Quoted(byte[] hash) => $"\"{Convert.ToHexStringLower(hash)}\"";

    private sealed record Stored(byte[] Content, string ETag, string Write, DateTimeOffset ModifiedAt);

    private sealed record Upload(string Write, SortedDictionary<int, byte[]> Parts);
}
