using System.Net;
using System.Net.Sockets;
using Polly;
using Polly.Retry;
using Slowrun.Core.Notices;
using Slowrun.Core.Recipes;
using Slowrun.Grains.Notices;

namespace Slowrun.Silo.Notices;

/// <summary>
/// Posts notices by HTTP. URLs and headers that stand in this silo's environment appear in no message: of a failure it tells the kind, or
/// the status. No answer's body is read.
/// </summary>
/// <param name="variable">Reads a variable of the environment; null: there is none.</param>
internal sealed class WebhookSender(Func<string, string?> variable, TimeProvider time, WebhookTries? options = null)
    : INoticeSender,
        IDisposable
{
    private const int MostRedirects = 3;

    private readonly WebhookTries options = options ?? new WebhookTries();
    private readonly HttpClient client = new(WebhookConnections.Handler()) { Timeout = Timeout.InfiniteTimeSpan };

    public string? Lacks(NotifyTarget target)
    {
        foreach (var text in (target.Headers ?? new Dictionary<string, string>()).Values.Prepend(target.Url))
        {
            if (WebhookUrl.IsVariable(text, out var name))
            {
                // Checked here too: another version may have let it into the document.
                if (WebhookUrl.ProblemOfVariable(name) is not null)
                {
                    return $"sends no variable of the name '{name}'";
                }

                if (string.IsNullOrWhiteSpace(variable(name)))
                {
                    return $"has no environment variable '{name}'";
                }

                if (Value(text).Any(char.IsControl))
                {
                    return $"has a line end in its environment variable '{name}'";
                }
            }
        }

        return WebhookUrl.TryParse(Value(target.Url)) is not null ? null
            : WebhookUrl.IsVariable(target.Url, out var url) ? $"has no http or https URL in its environment variable '{url}'"
            : "was given no http or https URL";
    }

    public async Task<NoticeEnd> SendAsync(Notice notice, NotifyTarget target, CancellationToken noMoreTries, CancellationToken atOnce)
    {
        try
        {
            var tries = new ResiliencePipelineBuilder<WebhookAnswer> { TimeProvider = time }
                .AddRetry(
                    new RetryStrategyOptions<WebhookAnswer>
                    {
                        ShouldHandle = new PredicateBuilder<WebhookAnswer>().HandleResult(answer => answer.MayPass),
                        MaxRetryAttempts = options.Retries,
                        BackoffType = DelayBackoffType.Exponential,
                        UseJitter = true,
                        Delay = options.FirstPause,
                        MaxDelay = options.LongestPause,
                        DelayGenerator = next => ValueTask.FromResult(next.Outcome.Result?.After),
                    }
                )
                .Build();
            // A silo that begins to stop just now has tried once; what is left are pauses and further tries.
            var first = await TryAsync(notice, target, atOnce);
            var begun = first.MayPass ? first : null;
            var answer = first.MayPass
                ? await tries.ExecuteAsync(
                    async _ => Interlocked.Exchange(ref begun, null) ?? await TryAsync(notice, target, atOnce),
                    noMoreTries
                )
                : first;
            return answer.Why is null ? new NoticeEnd(true, false, null)
                : answer.MayPass && noMoreTries.IsCancellationRequested ? new NoticeEnd(false, true, answer.Why)
                : new NoticeEnd(false, false, answer.Why);
        }
        catch (OperationCanceledException)
        {
            return new NoticeEnd(false, true, "The silo stops.");
        }
    }

    public void Dispose() => client.Dispose();

    private async Task<WebhookAnswer> TryAsync(Notice notice, NotifyTarget target, CancellationToken atOnce)
    {
        using var limit = new CancellationTokenSource(options.EachTry, time);
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(limit.Token, atOnce);
        try
        {
            return await PostAsync(notice, target, stop.Token);
        }
        catch (OperationCanceledException) when (!atOnce.IsCancellationRequested)
        {
            return new WebhookAnswer(
                FormattableString.Invariant($"it did not answer within {options.EachTry.TotalSeconds:0} s."),
                MayPass: true
            );
        }
        catch (HttpRequestException e) when (e.InnerException is ForbiddenAddressException)
        {
            return new WebhookAnswer(
                "its address belongs to the machine's own metadata service, to which nothing is sent.",
                MayPass: false
            );
        }
        catch (Exception e) when (e is HttpRequestException or IOException or SocketException)
        {
            return new WebhookAnswer($"the connection failed ({Kind(e)}).", MayPass: true);
        }
        catch (Exception e) when (e is not OperationCanceledException)
        {
            // A header or a redirect that .NET does not take; its message may hold either.
            return new WebhookAnswer($"it cannot be sent ({e.GetType().Name}).", MayPass: false);
        }
    }

    private async Task<WebhookAnswer> PostAsync(Notice notice, NotifyTarget target, CancellationToken stop)
    {
        var url = WebhookUrl.TryParse(Value(target.Url))!;
        var format = target.Format ?? NoticeFormat.Of(url);
        for (var hop = 0; ; hop++)
        {
            using var request = NoticeMessage.Of(notice, format, url);
            foreach (var (name, value) in target.Headers ?? new Dictionary<string, string>())
            {
                request.Headers.Remove(name);
                request.Headers.TryAddWithoutValidation(name, Value(value));
            }

            using var response = await client.SendAsync(request, HttpCompletionOption.ResponseHeadersRead, stop);
            var status = response.StatusCode;
            if (status is not (HttpStatusCode.TemporaryRedirect or HttpStatusCode.PermanentRedirect))
            {
                return WebhookAnswer.Of(response, time.GetUtcNow(), options.LongestPause);
            }

            var next = response.Headers.Location is { } location ? new Uri(url, location) : null;
            if (
                next is null
                || hop == MostRedirects
                || !next.GetLeftPart(UriPartial.Authority).Equals(url.GetLeftPart(UriPartial.Authority), StringComparison.OrdinalIgnoreCase)
            )
            {
                // What it posts, and its headers, are meant for this host alone.
                return new WebhookAnswer(
                    FormattableString.Invariant(
                        $"it answers {(int)status}, a redirect that is not followed: to another host, or too often. Give the URL that it leads to."
                    ),
                    MayPass: false
                );
            }

            url = next;
        }
    }

    private string Value(string text) => WebhookUrl.IsVariable(text, out var name) ? (variable(name) ?? "").Trim() : text;

    // The exceptions' own messages may name the host, which came from the environment.
    private static string Kind(Exception e) =>
        (e as SocketException ?? e.InnerException as SocketException) is { } socket ? socket.SocketErrorCode.ToString()
        : e is HttpRequestException http ? http.HttpRequestError.ToString()
        : "closed";
}
