using System.Text.Json.Nodes;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.WebUtilities;

namespace Slowrun.Tests.Gcs;

/// <summary>What a request of the JSON API brings along.</summary>
internal static class GcsBody
{
    /// <summary>The description and the content of an upload in one request; of any other the whole body.</summary>
    public static async Task<(JsonNode? Described, byte[] Content)> PartsAsync(HttpRequest request, MemoryStream body)
    {
        body.Position = 0;
        if (request.ContentType?.StartsWith("multipart/related", StringComparison.Ordinal) != true)
        {
            var json = request.ContentType?.StartsWith("application/json", StringComparison.Ordinal) == true && body.Length > 0;
            return (json ? JsonNode.Parse(body.ToArray()) : null, body.ToArray());
        }

        var boundary = request.ContentType.Split("boundary=")[1].Trim('"');
        var reader = new MultipartReader(boundary, body);
        var described = await JsonNode.ParseAsync((await reader.ReadNextSectionAsync())!.Body);
        using var content = new MemoryStream();
        await (await reader.ReadNextSectionAsync())!.Body.CopyToAsync(content);
        return (described, content.ToArray());
    }
}
