using System.Net.Http.Headers;
using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using CloudNative.CloudEvents;
using CloudNative.CloudEvents.SystemTextJson;
using Slowrun.Core;
using Slowrun.Core.Notices;

namespace Slowrun.Silo.Notices;

/// <summary>A notice as each kind of receiver wants it.</summary>
internal static class NoticeMessage
{
    /// <summary>The header that is the same for each sending of one notice (draft-ietf-httpapi-idempotency-key-header).</summary>
    public const string KeyHeader = "Idempotency-Key";

    // Discord takes 2,000 characters in all, and refuses more.
    private const int LongestText = 1500;

    /// <param name="format">One of <see cref="NoticeFormat"/>.</param>
    public static HttpRequestMessage Of(Notice notice, string format, Uri url)
    {
        var request = new HttpRequestMessage(HttpMethod.Post, url)
        {
            Content = format switch
            {
                // https://docs.slack.dev/messaging/sending-messages-using-incoming-webhooks
                NoticeFormat.Slack => Document(new JsonObject { ["text"] = Escaped($"*{notice.Title}*\n{Short(notice.Text)}") }),
                // https://docs.discord.com/developers/resources/webhook#execute-webhook: without it a text could call all people.
                NoticeFormat.Discord => Document(
                    new JsonObject
                    {
                        ["content"] = $"**{notice.Title}**\n{Short(notice.Text)}",
                        ["allowed_mentions"] = new JsonObject { ["parse"] = new JsonArray() },
                    }
                ),
                NoticeFormat.Ntfy => new StringContent(Short(notice.Text), Encoding.UTF8, "text/plain"),
                NoticeFormat.CloudEvents => CloudEvent(notice),
                _ => Document(Data(notice)),
            },
        };
        request.Headers.UserAgent.Add(new ProductInfoHeaderValue("slowrun", null));
        request.Headers.TryAddWithoutValidation(KeyHeader, $"\"{notice.Key()}\"");
        if (format == NoticeFormat.Ntfy)
        {
            // https://docs.ntfy.sh/publish: titles of ours are ASCII, as headers must be.
            request.Headers.TryAddWithoutValidation("Title", notice.Title);
            request.Headers.TryAddWithoutValidation("Priority", IsBad(notice) ? "high" : "default");
            request.Headers.TryAddWithoutValidation("Tags", $"{Tag(notice)},{notice.Run}");
        }

        return request;
    }

    /// <summary>What programs read: the members of docs/notify.md.</summary>
    public static JsonObject Data(Notice notice) =>
        new()
        {
            ["id"] = notice.Key(),
            ["kind"] = notice.Kind,
            ["run"] = notice.Run,
            ["givenName"] = notice.GivenName,
            ["stage"] = notice.Stage,
            ["title"] = notice.Title,
            ["text"] = notice.Text,
            ["at"] = notice.At.UtcDateTime.ToString("O", System.Globalization.CultureInfo.InvariantCulture),
            ["lossNats"] = notice.LossNats,
            ["bitsPerByte"] = notice.BitsPerByte,
        };

    private static ByteArrayContent CloudEvent(Notice notice)
    {
        var told = new CloudEvent(CloudEventsSpecVersion.V1_0)
        {
            Id = notice.Key(),
            Source = new Uri($"/slowrun/runs/{notice.Run}", UriKind.Relative),
            Type = $"slowrun.run.{notice.Kind}",
            Subject = notice.Stage ?? notice.Run,
            Time = notice.At,
            DataContentType = "application/json",
            Data = JsonSerializer.SerializeToElement(Data(notice)),
        };
        var content = new ByteArrayContent(new JsonEventFormatter().EncodeStructuredModeMessage(told, out var type).ToArray());
        content.Headers.ContentType = MediaTypeHeaderValue.Parse(type.ToString());
        return content;
    }

    private static StringContent Document(JsonObject document) =>
        new(document.ToJsonString(CanonicalJson.Options), Encoding.UTF8, "application/json");

    // https://docs.slack.dev/messaging/formatting-message-text: three characters stand for commands.
    private static string Escaped(string text) =>
        text.Replace("&", "&amp;", StringComparison.Ordinal)
            .Replace("<", "&lt;", StringComparison.Ordinal)
            .Replace(">", "&gt;", StringComparison.Ordinal);

    private static string Short(string text) => text.Length <= LongestText ? text : text[..(LongestText - 1)] + "…";

    private static bool IsBad(Notice notice) => notice.Kind is not NoticeKind.Finished;

    private static string Tag(Notice notice) =>
        notice.Kind switch
        {
            NoticeKind.Finished => "white_check_mark",
            NoticeKind.Stalled => "hourglass",
            NoticeKind.Lost => "warning",
            _ => "x",
        };
}
