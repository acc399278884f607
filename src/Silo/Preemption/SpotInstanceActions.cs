using System.Globalization;
using System.Net;
using System.Text.Json;

namespace Slowrun.Silo.Preemption;

/// <summary>
/// AWS's notices of spot instances, two minutes ahead at best
/// (https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/spot-instance-termination-notices.html), asked for with a token of IMDSv2
/// (https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/configuring-instance-metadata-service.html).
/// </summary>
internal sealed class SpotInstanceActions(MetadataOptions options, TimeProvider time) : IPreemptionSource, IDisposable
{
    private const string ActionPath = "latest/meta-data/spot/instance-action";
    private const string RebalancePath = "latest/meta-data/events/recommendations/rebalance";

    // The longest that there is. A token that ends earlier is answered with 401, and another one is asked for.
    private const int TokenSeconds = 6 * 60 * 60;

    private static readonly TimeSpan Within = TimeSpan.FromSeconds(5);

    private readonly MetadataClient http = new(options.Address, time);
    private readonly Dictionary<string, DateTimeOffset> undated = new(StringComparer.Ordinal);
    private string? token;

    public string Name => "AWS";

    public TimeSpan Interval => options.Interval;

    /// <summary>Whether an instance of AWS asks. Others imitate the paths, but not the partition (<c>aws</c>, <c>aws-cn</c>).</summary>
    public static async Task<bool> IsHereAsync(MetadataOptions options, TimeProvider time, CancellationToken cancellationToken)
    {
        using var source = new SpotInstanceActions(options, time);
        var partition = await source.TryGetAsync("latest/meta-data/services/partition", cancellationToken);
        return partition is "aws" || partition?.StartsWith("aws-", StringComparison.Ordinal) == true;
    }

    public async Task<IReadOnlyList<PreemptionNotice>> ReadAsync(CancellationToken cancellationToken)
    {
        if (await TryGetAsync(ActionPath, cancellationToken) is { } action)
        {
            return [Notice(action)];
        }

        return await TryGetAsync(RebalancePath, cancellationToken) is { } rebalance ? [Advice(rebalance)] : [];
    }

    /// <summary>AWS takes no acknowledgement.</summary>
    public Task AcknowledgeAsync(PreemptionNotice notice, CancellationToken cancellationToken) => Task.CompletedTask;

    public void Dispose() => http.Dispose();

    private PreemptionNotice Notice(string text)
    {
        var action = Parse<InstanceAction>(text);
        if (action?.Action is not { Length: > 0 } what)
        {
            throw new InvalidDataException($"The answer has no 'action': {text}");
        }

        // Hibernation begins at once, with the time of that moment: its notice has no two minutes.
        return new PreemptionNotice($"{what}@{action.Time}", what, Time(action.Time), MayAcknowledge: false);
    }

    private PreemptionNotice Advice(string text)
    {
        var at = Parse<Rebalance>(text)?.NoticeTime;
        return new PreemptionNotice($"rebalance@{at}", "a rebalance recommendation", Time(at), MayAcknowledge: false) { IsAdvice = true };
    }

    /// <summary>A time that is missing or cannot be read: when it was seen first.</summary>
    private DateTimeOffset Time(string? text)
    {
        const DateTimeStyles Utc = DateTimeStyles.AssumeUniversal | DateTimeStyles.AdjustToUniversal;
        if (DateTimeOffset.TryParse(text, CultureInfo.InvariantCulture, Utc, out var at))
        {
            return at;
        }

        return undated.TryGetValue(text ?? "", out var seen) ? seen : undated[text ?? ""] = time.GetUtcNow();
    }

    /// <summary>Null where there is no such item, which is the rule.</summary>
    private async Task<string?> TryGetAsync(string path, CancellationToken cancellationToken)
    {
        var known = token is not null;
        var answer = await AskAsync(path, cancellationToken);
        if (answer.Status is HttpStatusCode.Unauthorized && known)
        {
            // The token has ended, or the instance was stopped and started with another service.
            token = null;
            answer = await AskAsync(path, cancellationToken);
        }

        if (answer.Status is HttpStatusCode.Unauthorized)
        {
            token = null;
        }

        return answer.Status is HttpStatusCode.NotFound ? null : answer.OrRefusal(path).Body.Trim();
    }

    private async Task<MetadataAnswer> AskAsync(string path, CancellationToken cancellationToken)
    {
        token ??= await TokenAsync(cancellationToken);
        using var request = new HttpRequestMessage(HttpMethod.Get, path);
        request.Headers.Add("X-aws-ec2-metadata-token", token);
        return await http.SendAsync(request, Within, cancellationToken);
    }

    private async Task<string> TokenAsync(CancellationToken cancellationToken)
    {
        const string Path = "latest/api/token";
        using var request = new HttpRequestMessage(HttpMethod.Put, Path);
        request.Headers.Add("X-aws-ec2-metadata-token-ttl-seconds", TokenSeconds.ToString(CultureInfo.InvariantCulture));
        var text = (await http.SendAsync(request, Within, cancellationToken)).OrRefusal(Path).Body.Trim();
        // As it goes into a header.
        return text.Length > 0 && text.All(letter => letter is > ' ' and <= '~')
            ? text
            : throw new InvalidDataException("The answer to the request for a token is no token.");
    }

    private static T? Parse<T>(string text)
    {
        try
        {
            return JsonSerializer.Deserialize<T>(text, JsonSerializerOptions.Web);
        }
        catch (JsonException e)
        {
            throw new InvalidDataException(
                $"The answer is not the JSON that is documented: {(text.Length > 100 ? text[..100] + "…" : text)}",
                e
            );
        }
    }

    private sealed record InstanceAction(string? Action, string? Time);

    private sealed record Rebalance(string? NoticeTime);
}
