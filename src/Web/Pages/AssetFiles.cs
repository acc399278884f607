using System.Reflection;
using System.Security.Cryptography;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;

namespace Slowrun.Web.Pages;

/// <summary>Style, script and icon, out of the assembly. Their addresses carry a hash of their content, so browsers keep them for
/// good.</summary>
internal static class AssetFiles
{
    private static readonly Dictionary<string, Asset> Assets = new[]
    {
        ("page.css", "text/css"),
        ("page.js", "text/javascript"),
        ("icon.svg", "image/svg+xml"),
    }
        .Select(file => new Asset(file.Item1, file.Item2, Read(file.Item1)))
        .ToDictionary(asset => asset.Name, StringComparer.Ordinal);

    public static string Address(string name) => $"/assets/{name}?{Assets[name].Hash}";

    public static void Map(IEndpointRouteBuilder app) =>
        app.MapGet(
                "/assets/{name}",
                (string name, HttpContext http) =>
                {
                    if (!Assets.TryGetValue(name, out var asset))
                    {
                        return Results.NotFound();
                    }

                    http.Response.Headers.CacheControl =
                        http.Request.QueryString.Value == $"?{asset.Hash}" ? "public, max-age=31536000, immutable" : "no-cache";
                    return Results.Bytes(asset.Content, asset.ContentType);
                }
            )
            .AllowAnonymous()
            .ExcludeFromDescription();

    private static byte[] Read(string name)
    {
        using var stream = Assembly.GetExecutingAssembly().GetManifestResourceStream(name)!;
        var content = new byte[stream.Length];
        stream.ReadExactly(content);
        return content;
    }

    private sealed record Asset(string Name, string ContentType, byte[] Content)
    {
        public string Hash { get; } = Convert.ToHexStringLower(SHA256.HashData(Content))[..12];
    }
}
