using System.Diagnostics.CodeAnalysis;

namespace Slowrun.Core.Notices;

/// <summary>What a spec may say of a webhook, so that no secret stands in a document: the URL of many services is one, since it needs
/// nothing else.</summary>
public static class WebhookUrl
{
    private const string Prefix = "env:";
    private const string OwnPrefix = "SLOWRUN_NOTIFY_";

    // The author of a spec names a variable and a receiver: these hold what opens more than a webhook.
    private static readonly string[] Reserved =
    [
        "ARM_",
        "AWS_",
        "AZURE_",
        "GCP_",
        "GITHUB_",
        "GOOGLE_",
        "IDENTITY_",
        "MSI_",
        "OTEL_",
        "SLOWRUN_",
    ];

    // A URL of that kind is a credential: its holder may post to it.
    private static readonly string[] SecretHosts =
    [
        "hooks.slack.com",
        "discord.com",
        "discordapp.com",
        "webhook.office.com",
        "outlook.office.com",
        "logic.azure.com",
        "chat.googleapis.com",
        "hooks.zapier.com",
        "maker.ifttt.com",
        "events.pagerduty.com",
        "api.telegram.org",
    ];

    // Those of the message itself, which its format and the connection decide.
    private static readonly string[] OwnHeaders =
    [
        "Allow",
        "Connection",
        "Expect",
        "Expires",
        "Host",
        "Last-Modified",
        "Trailer",
        "Transfer-Encoding",
        "Upgrade",
    ];

    private static readonly string[] SecretWords = ["token", "key", "secret", "password", "auth", "cookie", "signature"];

    /// <summary>The name in <c>env:NAME</c>.</summary>
    public static bool IsVariable(string text, [NotNullWhen(true)] out string? name)
    {
        ArgumentNullException.ThrowIfNull(text);
        name = text.StartsWith(Prefix, StringComparison.Ordinal) ? text[Prefix.Length..] : null;
        return name is not null;
    }

    /// <summary>What is wrong with a URL of a spec, without its secrets; null: nothing.</summary>
    public static string? ProblemOf(string text)
    {
        if (IsVariable(text, out var name))
        {
            return ProblemOfVariable(name);
        }

        if (TryParse(text) is not { } url)
        {
            return "it is no URL; expected https://…, or env:NAME, a variable in the environment of the silos that holds one.";
        }

        return Secret(url) is { } why
            ? $"{why} A spec is stored, and shown to all who read the store. Put the URL into an environment variable of the silos, and write env:NAME here, for example env:SLOWRUN_NOTIFY_URL."
            : null;
    }

    /// <summary>What is wrong with a variable's name; null: nothing.</summary>
    public static string? ProblemOfVariable(string name)
    {
        ArgumentNullException.ThrowIfNull(name);
        if (name.Length is 0 or > 100 || char.IsAsciiDigit(name[0]) || !name.All(c => char.IsAsciiLetterOrDigit(c) || c == '_'))
        {
            return "expected env: and the name of an environment variable, for example env:SLACK_URL.";
        }

        return
            !name.StartsWith(OwnPrefix, StringComparison.Ordinal)
            && Reserved.FirstOrDefault(prefix => name.StartsWith(prefix, StringComparison.OrdinalIgnoreCase)) is { } reserved
            ? $"'{name}' is not sent anywhere: variables that begin with {reserved} hold credentials of other things. Use another name, for example {OwnPrefix}URL."
            : null;
    }

    /// <summary>What is wrong with a header; null: nothing.</summary>
    public static string? ProblemOfHeader(string name, string value)
    {
        ArgumentNullException.ThrowIfNull(name);
        ArgumentNullException.ThrowIfNull(value);
        if (name.Length is 0 or > 100 || !name.All(c => char.IsAsciiLetterOrDigit(c) || c is '-' or '_'))
        {
            return "this is no name of a header; expected letters, digits and dashes.";
        }

        if (name.StartsWith("Content-", StringComparison.OrdinalIgnoreCase) || OwnHeaders.Contains(name, StringComparer.OrdinalIgnoreCase))
        {
            return $"'{name}' is set by what is sent; expected another header.";
        }

        if (IsVariable(value, out var variable))
        {
            return ProblemOfVariable(variable);
        }

        return value.Any(char.IsControl) ? "the value has a line end or another control character in it."
            : SecretWords.Any(word => name.Contains(word, StringComparison.OrdinalIgnoreCase))
                ? "the value looks like a secret, and a spec is stored. Put it into an environment variable of the silos, and write env:NAME here."
            : null;
    }

    /// <summary>An address of the web; null: it is none.</summary>
    public static Uri? TryParse(string text) =>
        Uri.TryCreate(text, UriKind.Absolute, out var url)
        && (url.Scheme == Uri.UriSchemeHttps || url.Scheme == Uri.UriSchemeHttp)
        && url.Host.Length > 0
            ? url
            : null;

    /// <summary>As it may be shown: the variable's name, or the URL's host.</summary>
    public static string Shown(string text) =>
        IsVariable(text, out _) ? text
        : TryParse(text) is { } url ? url.GetComponents(UriComponents.SchemeAndServer, UriFormat.UriEscaped)
        : "a webhook";

    /// <summary>Whether the host is this one, or one below it.</summary>
    internal static bool IsOf(Uri url, string host) =>
        url.Host.Equals(host, StringComparison.OrdinalIgnoreCase) || url.Host.EndsWith($".{host}", StringComparison.OrdinalIgnoreCase);

    private static string? Secret(Uri url) =>
        url.UserInfo.Length > 0 ? "the URL has a user or a password in it."
        : SecretHosts.FirstOrDefault(host => IsOf(url, host)) is { } known ? $"a webhook of {known} is a secret by itself."
        : url.Query.Length > 1 ? "the URL has a query, which often holds a token."
        : null;
}
