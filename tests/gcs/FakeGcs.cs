using System.Collections.Concurrent;
using System.Globalization;
using System.Net;
using System.Text;
using System.Text.Json.Nodes;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.Extensions.Logging;

namespace Slowrun.Tests.Gcs;

/// <summary>
/// A server that speaks as much of the JSON API of Google Cloud Storage as a store needs, in memory, on a free port of this machine:
/// objects with generations and conditions, uploads in one request and in resumable pieces, listings by pages. It asks for no credentials
/// unless told to. Source: the JSON API's reference.
/// </summary>
public sealed class FakeGcs : IAsyncDisposable
{
    // A piece of a resumable upload that is not its last is a multiple of it.
    private const int PieceUnit = 256 << 10;

    private readonly WebApplication app;
    private readonly Lock gate = new();
    private readonly Dictionary<string, SortedDictionary<string, GcsObject>> buckets = new(StringComparer.Ordinal);
    private readonly Dictionary<string, Upload> uploads = new(StringComparer.Ordinal);
    private long generations = 1_700_000_000_000_000;

    public FakeGcs()
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

    /// <summary>The only token it takes; null: it asks for none.</summary>
    public string? Token { get; init; }

    /// <summary>Most entries of one page of a listing.</summary>
    public int PageSize { get; init; } = 1000;

    /// <summary>Of each piece of an upload that is not the last it keeps this much at most, as the service may.</summary>
    public int MostOfAPiece { get; init; } = int.MaxValue;

    /// <summary>Flips a bit of what it keeps of uploads in pieces.</summary>
    public bool Damages { get; set; }

    /// <summary>Whether the session of an upload is unknown once its object is made.</summary>
    public bool ForgetsMade { get; set; }

    /// <summary>What was asked: method, path and query.</summary>
    public ConcurrentQueue<string> Asked { get; } = [];

    /// <summary>Uploads in pieces that were not completed.</summary>
    public int OpenUploads => uploads.Count;

    /// <param name="port">Another one in front of it.</param>
    public Uri Endpoint(int? port = null) => new($"http://127.0.0.1:{port ?? Port}");

    /// <summary>An address in a new bucket that no other test uses.</summary>
    public string NewAddress()
    {
        var bucket = $"t{Guid.NewGuid():N}";
        AddBucket(bucket);
        return $"gs://{bucket}/store";
    }

    public void AddBucket(string bucket)
    {
        lock (gate)
        {
            buckets.TryAdd(bucket, new SortedDictionary<string, GcsObject>(StringComparer.Ordinal));
        }
    }

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
            buckets[bucket][key] = new GcsObject(Encoding.UTF8.GetBytes(text), ++generations, null, Now());
        }
    }

    public void ForgetUploads()
    {
        lock (gate)
        {
            uploads.Clear();
        }
    }

    public ValueTask DisposeAsync() => app.DisposeAsync();

    private async Task ServeAsync(HttpContext context)
    {
        var request = context.Request;
        // With its escaped slashes.
        var target = context.Features.Get<IHttpRequestFeature>()!.RawTarget;
        Asked.Enqueue($"{request.Method} {target}");
        using var memory = new MemoryStream();
        await request.Body.CopyToAsync(memory);
        var reply = Refusal(request);
        if (reply is null)
        {
            var parts = await GcsBody.PartsAsync(request, memory);
            lock (gate)
            {
                reply = Answer(request, target.Split('?')[0], parts);
            }
        }

        reply = request.Query["alt"] == "media" ? reply.OfContents() : reply;
        context.Response.StatusCode = reply.Status;
        foreach (var (name, value) in reply.Headers)
        {
            context.Response.Headers[name] = value;
        }

        if (reply.Status != 204)
        {
            context.Response.ContentLength = reply.Body.Length;
            await context.Response.Body.WriteAsync(reply.Body);
        }
    }

    private GcsReply? Refusal(HttpRequest request) =>
        Token is null || request.Headers.Authorization == $"Bearer {Token}" ? null
        : request.Headers.Authorization.Count == 0
            ? GcsReply.Error(401, "Anonymous caller does not have storage.objects.list access to the Google Cloud Storage bucket.")
        : GcsReply.Error(
            403,
            "robot@project.iam.gserviceaccount.com does not have storage.objects.list access to the Google Cloud Storage bucket."
        );

    private GcsReply Answer(HttpRequest request, string path, (JsonNode? Described, byte[] Content) sent)
    {
        if (request.Method == "PUT" && path.StartsWith("/session/", StringComparison.Ordinal))
        {
            return Piece(request, path["/session/".Length..], sent.Content);
        }

        var (uploading, rest) = path.StartsWith("/upload/", StringComparison.Ordinal) ? (true, path["/upload".Length..]) : (false, path);
        var segments = rest.Split('/', StringSplitOptions.RemoveEmptyEntries);
        if (segments is not ["storage", "v1", "b", var bucket, "o", ..])
        {
            return GcsReply.Error(404, "Not Found");
        }

        if (!buckets.TryGetValue(bucket, out var objects))
        {
            return GcsReply.Error(404, "The specified bucket does not exist.");
        }

        var key = segments.Length > 5 ? Uri.UnescapeDataString(segments[5]) : (string?)sent.Described?["name"] ?? "";
        return (request.Method, uploading, segments.Length) switch
        {
            ("GET", false, 5) => GcsListing.Page(objects, request.Query, PageSize),
            ("GET", false, 6) => Get(request, objects, key),
            ("DELETE", false, 6) => Delete(request, objects, key),
            ("POST", true, 5) when request.Query["uploadType"] == "multipart" => Put(request, objects, key, sent.Described!, sent.Content),
            ("POST", true, 5) => Begin(request, objects, bucket, key, sent.Described!),
            _ => GcsReply.Error(501, "Not Implemented"),
        };
    }

    private static GcsReply? Unmet(long? ifGeneration, GcsObject? found) =>
        ifGeneration is { } wanted && wanted != (found?.Generation ?? 0)
            ? GcsReply.Error(412, "At least one of the pre-conditions you specified did not hold.", "conditionNotMet")
            : null;

    private static long? IfGeneration(HttpRequest request) =>
        request.Query["ifGenerationMatch"] is { Count: > 0 } given ? long.Parse(given!, CultureInfo.InvariantCulture) : null;

    private GcsReply Put(
        HttpRequest request,
        SortedDictionary<string, GcsObject> objects,
        string key,
        JsonNode described,
        byte[] content
    ) =>
        Unmet(IfGeneration(request), objects.GetValueOrDefault(key))
        ?? (
            (string?)described["crc32c"] is { } sum && sum != GcsObject.Crc32C(content)
                ? GcsReply.Error(400, $"Provided CRC32C \"{sum}\" doesn't match calculated CRC32C \"{GcsObject.Crc32C(content)}\".")
                : Store(objects, key, content, described)
        );

    private GcsReply Store(SortedDictionary<string, GcsObject> objects, string key, byte[] content, JsonNode described)
    {
        objects[key] = new GcsObject(content, ++generations, described["metadata"]?.DeepClone(), Now());
        return GcsReply.Json(200, objects[key].Described(key));
    }

    private static GcsReply Get(HttpRequest request, SortedDictionary<string, GcsObject> objects, string key)
    {
        if (
            !objects.TryGetValue(key, out var found)
            || (request.Query["generation"] is { Count: > 0 } wanted && wanted != found.Generation.ToString(CultureInfo.InvariantCulture))
        )
        {
            return GcsReply.Error(404, $"No such object: {key}");
        }

        if (request.Query["alt"] != "media")
        {
            return GcsReply.Json(200, found.Described(key));
        }

        var reply = new GcsReply(200)
        {
            Body = found.Content,
            Headers =
            {
                ["x-goog-generation"] = found.Generation.ToString(CultureInfo.InvariantCulture),
                ["Last-Modified"] = found.ModifiedAt.ToString("R", CultureInfo.InvariantCulture),
            },
        };
        if (request.Headers.Range is not { Count: > 0 } range)
        {
            return reply;
        }

        var ends = range.ToString()["bytes=".Length..].Split('-').Select(end => long.Parse(end, CultureInfo.InvariantCulture)).ToArray();
        if (ends[0] >= found.Content.Length)
        {
            return GcsReply.Error(416, "The requested range cannot be satisfied.");
        }

        var last = (int)Math.Min(ends[1], found.Content.Length - 1);
        reply.Headers["Content-Range"] = $"bytes {ends[0]}-{last}/{found.Content.Length}";
        return reply with { Status = 206, Body = found.Content[(int)ends[0]..(last + 1)] };
    }

    private static GcsReply Delete(HttpRequest request, SortedDictionary<string, GcsObject> objects, string key)
    {
        if (!objects.TryGetValue(key, out var found))
        {
            return GcsReply.Error(404, $"No such object: {key}");
        }

        if (Unmet(IfGeneration(request), found) is { } refusal)
        {
            return refusal;
        }

        objects.Remove(key);
        return new GcsReply(204);
    }

    private GcsReply Begin(HttpRequest request, SortedDictionary<string, GcsObject> objects, string bucket, string key, JsonNode described)
    {
        if (Unmet(IfGeneration(request), objects.GetValueOrDefault(key)) is { } refusal)
        {
            return refusal;
        }

        var id = $"upload-{++generations}";
        uploads[id] = new Upload(bucket, key, IfGeneration(request), described, new MemoryStream());
        // At the port that was asked, which may be a proxy's.
        return new GcsReply(200) { Headers = { ["Location"] = $"http://{request.Host}/session/{id}" } };
    }

    private GcsReply Piece(HttpRequest request, string id, byte[] piece)
    {
        if (!uploads.TryGetValue(id, out var upload))
        {
            return GcsReply.Error(404, "Not Found");
        }

        if (upload.Made is { } made)
        {
            return made;
        }

        // bytes FIRST-LAST/TOTAL, where TOTAL is * before the last piece; bytes */TOTAL and bytes */* ask how far it is.
        var range = request.Headers.ContentRange.ToString()["bytes ".Length..].Split('/');
        var total = range[1] == "*" ? (long?)null : long.Parse(range[1], CultureInfo.InvariantCulture);
        if (range[0] != "*")
        {
            var first = long.Parse(range[0].Split('-')[0], CultureInfo.InvariantCulture);
            if (first != upload.Content.Length || (total is null && piece.Length % PieceUnit != 0))
            {
                return GcsReply.Error(400, $"Invalid request.  {first} of {upload.Content.Length}, {piece.Length} bytes.");
            }

            upload.Content.Write(piece, 0, total is null ? Math.Min(piece.Length, MostOfAPiece) : piece.Length);
        }

        if (total != upload.Content.Length)
        {
            var incomplete = new GcsReply(308);
            if (upload.Content.Length > 0)
            {
                incomplete.Headers["Range"] = $"bytes=0-{upload.Content.Length - 1}";
            }

            return incomplete;
        }

        var objects = buckets[upload.Bucket];
        var content = upload.Content.ToArray();
        content[^1] ^= (byte)(Damages ? 1 : 0);
        var reply =
            Unmet(upload.IfGeneration, objects.GetValueOrDefault(upload.Key)) ?? Store(objects, upload.Key, content, upload.Described);
        if (ForgetsMade)
        {
            uploads.Remove(id);
            return reply;
        }

        // A session that is complete says so again.
        uploads[id] = upload with
        {
            Made = reply,
            Content = new MemoryStream(),
        };
        return reply;
    }

    private static DateTimeOffset Now() => TimeProvider.System.GetUtcNow();

    private sealed record Upload(string Bucket, string Key, long? IfGeneration, JsonNode Described, MemoryStream Content)
    {
        public GcsReply? Made { get; init; }
    }
}
