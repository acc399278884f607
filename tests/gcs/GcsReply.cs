using System.Text;
using System.Text.Json.Nodes;

namespace Slowrun.Tests.Gcs;

/// <summary>What the fake server answers.</summary>
internal sealed record GcsReply(int Status)
{
    public byte[] Body { get; init; } = [];

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
        );
}
