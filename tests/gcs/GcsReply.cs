using System.Text;
using System.Text.Json.Nodes;

namespace Slowrun.Tests.Gcs;

/// <summary>What the fake server answers.</summary>
internal sealed record GcsReply(int Status)
{
    public byte[] Body { get; init; } = [];

    /// <summary>What is wrong, in a sentence; null: nothing is.</summary>
    public string? Message { get; init; }

    public Dictionary<string, string> Headers { get; } = new(StringComparer.OrdinalIgnoreCase);

    public static GcsReply Json(int status, JsonNode body) =>
        new(status)
        {
            Body = Encoding.UTF8.GetBytes(body.ToJsonString()),
            Headers = { ["Content-Type"] = "application/json; charset=UTF-8" },
        };

    public static GcsReply Error(int status, string message, string reason = "notFound") =>
        Json(
            status,
            new JsonObject
            {
                ["error"] = new JsonObject
                {
                    ["code"] = status,
                    ["message"] = message,
                    ["errors"] = new JsonArray(
                        new JsonObject
                        {
                            ["message"] = message,
                            ["domain"] = "global",
                            ["reason"] = reason,
                        }
                    ),
                },
            }
        ) with
        {
            Message = message,
        };

    /// <summary>As a request for contents (<c>alt=media</c>) is answered: errors are the bare sentence, with the headers of Google's server
    /// for contents.</summary>
    public GcsReply OfContents() =>
        Message is null
            ? this
            : new GcsReply(Status)
            {
                Body = Encoding.UTF8.GetBytes(Message),
                Headers =
                {
                    ["Content-Type"] = "text/html; charset=UTF-8",
                    ["X-GUploader-UploadID"] = new string('A', 250),
                    ["Vary"] = "Origin, X-Origin",
                    ["Cache-Control"] = "private, max-age=0",
                    ["Expires"] = "Thu, 01 Jan 2026 00:00:00 GMT",
                },
            };
}
