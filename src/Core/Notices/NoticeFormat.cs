namespace Slowrun.Core.Notices;

/// <summary>The forms in which a notice is posted (<c>format</c> of a spec).</summary>
public static class NoticeFormat
{
    /// <summary><c>{"text": …}</c>: Slack, Mattermost, Rocket.Chat, Google Chat.</summary>
    public const string Slack = "slack";

    /// <summary><c>{"content": …}</c>.</summary>
    public const string Discord = "discord";

    /// <summary>The text as the body, with the headers Title, Priority and Tags: a topic of ntfy.</summary>
    public const string Ntfy = "ntfy";

    /// <summary>CloudEvents 1.0, structured JSON.</summary>
    public const string CloudEvents = "cloudevents";

    /// <summary>The notice itself.</summary>
    public const string Json = "json";

    public static IReadOnlyList<string> All { get; } = [Slack, Discord, Ntfy, CloudEvents, Json];

    /// <summary>The format that a host is known for.</summary>
    public static string Of(Uri url)
    {
        ArgumentNullException.ThrowIfNull(url);
        return WebhookUrl.IsOf(url, "hooks.slack.com") ? Slack
            : WebhookUrl.IsOf(url, "discord.com") || WebhookUrl.IsOf(url, "discordapp.com") ? Discord
            : WebhookUrl.IsOf(url, "ntfy.sh") || url.Host.StartsWith("ntfy.", StringComparison.OrdinalIgnoreCase) ? Ntfy
            : Json;
    }
}
