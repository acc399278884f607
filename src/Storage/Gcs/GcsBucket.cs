using System.Globalization;
using System.Net;
using System.Net.Http.Headers;
using Google;
using Google.Apis.Storage.v1;
using Google.Apis.Storage.v1.Data;
using Slowrun.Storage.Remote;
using StorageObject = Google.Apis.Storage.v1.Data.Object;

namespace Slowrun.Storage.Gcs;

/// <summary>
/// Single requests of the JSON API for the objects of one store, and what their answers mean. Nothing is tried twice here. What has a body
/// is sent by the service's own HTTP client, with its credentials: the library's up- and downloads take several requests each and try
/// again by themselves.
/// </summary>
internal sealed class GcsBucket(StorageService service, GcsAddress address)
{
    private const string ContentType = "application/octet-stream";

    public GcsAddress Address => address;

    private string Uploads =>
        new Uri(service.BaseUri) is var api
            ? $"{api.GetLeftPart(UriPartial.Authority)}/upload{api.AbsolutePath}b/{address.Bucket}/o"
            : throw new InvalidOperationException();

    public string Key(string name)
    {
        ObjectNames.Check(name);
        return address.Prefix + name;
    }

    /// <summary>Null where there is no such object.</summary>
    public async Task<GcsFound?> TryLookAsync(string key, CancellationToken token)
    {
        try
        {
            var request = service.Objects.Get(address.Bucket, key);
            request.Fields = "generation,size,metadata";
            return Found(await request.ExecuteAsync(token).ConfigureAwait(false));
        }
        catch (GoogleApiException e) when (e.IsMissing())
        {
            return null;
        }
    }

    /// <summary>Reads an object whole. Null where there is no such object.</summary>
    public async Task<StoredObject?> TryReadAsync(string key, CancellationToken token)
    {
        try
        {
            using var answer = await GetAsync(key, null, null, token).ConfigureAwait(false);
            // Throws where it is shorter than announced.
            var content = await answer.Content.ReadAsByteArrayAsync(token).ConfigureAwait(false);
            return new StoredObject(content, Generation(answer), answer.Content.Headers.LastModified ?? DateTimeOffset.UnixEpoch);
        }
        catch (GoogleApiException e) when (e.IsMissing())
        {
            return null;
        }
    }

    /// <summary>Reads [offset, offset + count) of an object, cut at its end. Null where there is no such object, or no longer that
    /// one.</summary>
    /// <param name="generation">Of the object that is meant; null: of whichever is there.</param>
    /// <exception cref="IOException">The body was shorter than announced.</exception>
    public async Task<ObjectChunk?> TryReadAsync(string key, long offset, int count, string? generation, CancellationToken token)
    {
        try
        {
            using var answer = await GetAsync(key, generation, new RangeHeaderValue(offset, offset + count - 1), token)
                .ConfigureAwait(false);
            var total =
                answer.Content.Headers.ContentRange?.Length ?? throw new StoreException(
                    StoreProblem.Unsuitable,
                    $"The server of the store '{address}' answers a request for a range of '{key}' without Content-Range. "
                        + "Use Google Cloud Storage, or a server that keeps to its JSON API."
                );
            var body = await answer.Content.ReadAsStreamAsync(token).ConfigureAwait(false);
            return await ObjectChunk.ReadAsync(body, key, offset, count, total, Generation(answer), token).ConfigureAwait(false);
        }
        catch (GoogleApiException e) when (e.HttpStatusCode is HttpStatusCode.RequestedRangeNotSatisfiable)
        {
            // Nothing there to read: an empty object, or an offset at or beyond the end.
            return await TryLookAsync(key, token).ConfigureAwait(false) is { } found
                ? ObjectChunk.Empty(found.Length, Text(found.Generation))
                : null;
        }
        catch (GoogleApiException e) when (e.IsMissing())
        {
            return null;
        }
    }

    /// <summary>Puts an object in one request. Throws where the condition does not hold.</summary>
    /// <param name="ifGeneration">Only where the object is of this generation; 0: only where there is none; null: whatever is
    /// there.</param>
    /// <returns>The new object's generation.</returns>
    public async Task<long> PutAsync(string key, ReadOnlyMemory<byte> content, string write, long? ifGeneration, CancellationToken token)
    {
        var described = Described(key, write);
        // The server compares it with what it received.
        described.Crc32c = Crc32C.Of(content.Span);
        using var parts = new MultipartContent("related");
        parts.Add(Json(described));
        parts.Add(new ReadOnlyMemoryContent(content) { Headers = { ContentType = new MediaTypeHeaderValue(ContentType) } });
        using var request = new HttpRequestMessage(HttpMethod.Post, $"{Uploads}?uploadType=multipart{Condition(ifGeneration)}")
        {
            Content = parts,
        };
        using var answer = await SendAsync(request, HttpCompletionOption.ResponseContentRead, token).ConfigureAwait(false);
        return Found(await service.DeserializeResponse<StorageObject>(answer).ConfigureAwait(false)).Generation;
    }

    /// <summary>Begins an upload in blocks of an object that does not exist yet. Throws where there is one.</summary>
    /// <returns>Where the blocks are sent to.</returns>
    public async Task<Uri> BeginAsync(string key, string write, CancellationToken token)
    {
        using var request = new HttpRequestMessage(HttpMethod.Post, $"{Uploads}?uploadType=resumable{Condition(0)}")
        {
            Content = Json(Described(key, write)),
        };
        request.Headers.Add("X-Upload-Content-Type", ContentType);
        using var answer = await SendAsync(request, HttpCompletionOption.ResponseContentRead, token).ConfigureAwait(false);
        return answer.Headers.Location
            ?? throw new StoreException(
                StoreProblem.Unsuitable,
                $"The server of the store '{address}' began an upload without saying where (Location). Use Google "
                    + "Cloud Storage, or a server that keeps to its JSON API."
            );
    }

    /// <summary>Sends a piece of an upload, or asks how far it is (null).</summary>
    /// <param name="offset">Of the piece in the object.</param>
    /// <param name="total">Length of the object, with its last piece; null: more will come.</param>
    public async Task<GcsProgress> SendAsync(Uri upload, ReadOnlyMemory<byte>? piece, long offset, long? total, CancellationToken token)
    {
        using var request = new HttpRequestMessage(HttpMethod.Put, upload) { Content = new ReadOnlyMemoryContent(piece ?? default) };
        var stretch = piece is { Length: var length } ? $"{offset}-{offset + length - 1}" : "*";
        request.Content.Headers.TryAddWithoutValidation("Content-Range", $"bytes {stretch}/{(total is { } all ? Text(all) : "*")}");
        using var answer = await service
            .HttpClient.SendAsync(request, HttpCompletionOption.ResponseContentRead, token)
            .ConfigureAwait(false);
        if (answer.StatusCode is HttpStatusCode.PermanentRedirect)
        {
            // "Resume Incomplete", with "bytes=0-LAST" of what is kept; without it nothing is.
            var range = answer.Headers.TryGetValues("Range", out var given) ? given.First() : null;
            return new GcsProgress(range is null ? 0 : long.Parse(range.Split('-')[1], CultureInfo.InvariantCulture) + 1, null, null);
        }

        await ThrowIfFailedAsync(answer).ConfigureAwait(false);
        var made = await service.DeserializeResponse<StorageObject>(answer).ConfigureAwait(false);
        var found = Found(made);
        return new GcsProgress(found.Length, found, made.Crc32c);
    }

    /// <summary>Throws where there is no such object, or the condition does not hold.</summary>
    public Task DeleteAsync(string key, long? ifGeneration, CancellationToken token)
    {
        var request = service.Objects.Delete(address.Bucket, key);
        request.IfGenerationMatch = ifGeneration;
        return request.ExecuteAsync(token);
    }

    /// <summary>A page of what is below a prefix.</summary>
    public Task<Objects> ListAsync(string prefix, string? delimiter, string? page, int? most, CancellationToken token)
    {
        var request = service.Objects.List(address.Bucket);
        request.Prefix = address.Prefix + prefix;
        (request.Delimiter, request.PageToken, request.MaxResults) = (delimiter, page, most);
        request.Fields = "items(name,size,updated),prefixes,nextPageToken";
        return request.ExecuteAsync(token);
    }

    public static string Text(long number) => number.ToString(CultureInfo.InvariantCulture);

    private async Task<HttpResponseMessage> GetAsync(string key, string? generation, RangeHeaderValue? range, CancellationToken token)
    {
        var uri = $"{service.BaseUri}b/{address.Bucket}/o/{Uri.EscapeDataString(key)}?alt=media";
        using var request = new HttpRequestMessage(HttpMethod.Get, generation is null ? uri : $"{uri}&generation={generation}");
        request.Headers.Range = range;
        return await SendAsync(request, HttpCompletionOption.ResponseHeadersRead, token).ConfigureAwait(false);
    }

    private async Task<HttpResponseMessage> SendAsync(HttpRequestMessage request, HttpCompletionOption until, CancellationToken token)
    {
        var answer = await service.HttpClient.SendAsync(request, until, token).ConfigureAwait(false);
        try
        {
            await ThrowIfFailedAsync(answer).ConfigureAwait(false);
            return answer;
        }
        catch
        {
            answer.Dispose();
            throw;
        }
    }

    private async Task ThrowIfFailedAsync(HttpResponseMessage answer)
    {
        if (!answer.IsSuccessStatusCode)
        {
            var error = await service.DeserializeError(answer).ConfigureAwait(false);
            throw new GoogleApiException(service.Name, error.Message) { Error = error, HttpStatusCode = answer.StatusCode };
        }
    }

    private string Generation(HttpResponseMessage answer) =>
        answer.Headers.TryGetValues("x-goog-generation", out var given)
            ? given.First()
            : throw new StoreException(
                StoreProblem.Unsuitable,
                $"The server of the store '{address}' does not name the generation of what it sends "
                    + "(x-goog-generation). Use Google Cloud Storage, or a server that keeps to its JSON API."
            );

    private StringContent Json(StorageObject described) =>
        new(service.SerializeObject(described), new MediaTypeHeaderValue("application/json", "utf-8"));

    private static StorageObject Described(string key, string write) =>
        new()
        {
            Name = key,
            ContentType = ContentType,
            Metadata = new Dictionary<string, string> { [WriteId.Key] = write },
        };

    private static string Condition(long? ifGeneration) => ifGeneration is { } one ? $"&ifGenerationMatch={Text(one)}" : "";

    private static GcsFound Found(StorageObject found) =>
        new(found.Generation ?? 0, found.Metadata?.TryGetValue(WriteId.Key, out var write) == true ? write : "", (long)(found.Size ?? 0));
}

/// <summary>How far an upload in blocks is.</summary>
/// <param name="Kept">Bytes of the object, from its beginning, that the server has.</param>
/// <param name="Made">The object, once it is complete.</param>
/// <param name="Crc32C">The server's checksum of it.</param>
internal readonly record struct GcsProgress(long Kept, GcsFound? Made, string? Crc32C);
