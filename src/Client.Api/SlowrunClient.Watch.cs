using System.Net.Http.Headers;
using System.Net.ServerSentEvents;
using System.Runtime.CompilerServices;
using System.Runtime.ExceptionServices;
using System.Text.Json;

namespace Slowrun.Client.Api;

public partial class SlowrunClient
{
    private const string EventStream = "text/event-stream";

    private static readonly TimeSpan ShortestPause = TimeSpan.FromSeconds(0.5);
    private static readonly TimeSpan LongestPause = TimeSpan.FromSeconds(15);

    // The server says something every ten seconds, unless its store does not answer or its machine has gone.
    private static readonly TimeSpan LongestSilence = TimeSpan.FromSeconds(30);

    /// <summary>By which silence and patience are measured.</summary>
    internal TimeProvider Time { get; init; } = TimeProvider.System;

    /// <summary>Waits before the next try.</summary>
    internal Func<TimeSpan, CancellationToken, Task> Pause { get; init; } = Task.Delay;

    /// <summary>
    /// A run's status now, and again whenever it changes, until the run is over. A server that goes meanwhile, as preempted silos do, is
    /// asked again, after pauses that grow to 15 seconds; the first answer has to come at once.
    /// </summary>
    /// <param name="patience">How long the server may be away; null: as long as the caller waits.</param>
    /// <returns>The last status is one of a run that is over (<see cref="RunStatus.IsOver"/>).</returns>
    /// <exception cref="SlowrunException">There is no such run, or not any more; the token is wrong.</exception>
    /// <exception cref="HttpRequestException">The server cannot be reached, at first or for longer than patience.</exception>
    /// <exception cref="TimeoutException">It is reached, and says nothing.</exception>
    public async IAsyncEnumerable<RunStatus> WatchRunAsync(
        string run,
        TimeSpan? patience = null,
        [EnumeratorCancellation] CancellationToken cancellationToken = default
    )
    {
        ArgumentNullException.ThrowIfNull(run);
        // Null: it has not answered yet.
        long? answered = null;
        var failures = 0;
        while (true)
        {
            Exception? trouble;
            await using var statuses = FollowAsync(run, cancellationToken).GetAsyncEnumerator(cancellationToken);
            while (true)
            {
                (var status, trouble) = await NextAsync(statuses, cancellationToken).ConfigureAwait(false);
                if (status is null)
                {
                    break;
                }

                yield return status;
                if (status.IsOver)
                {
                    yield break;
                }

                (answered, failures) = (Time.GetTimestamp(), 0);
            }

            if (trouble is not null && (answered is not { } last || Time.GetElapsedTime(last) >= patience))
            {
                ExceptionDispatchInfo.Throw(trouble);
            }

            failures++;
            await Pause(PauseAfter(failures, Random.Shared.NextDouble()), cancellationToken).ConfigureAwait(false);
        }
    }

    /// <summary>Twice as long after each failure, less up to a half of it: many that watch do not come back at the same moment.</summary>
    private static TimeSpan PauseAfter(int failures, double random)
    {
        var longest = ShortestPause * Math.Pow(2, Math.Min(failures, 10) - 1);
        return (longest < LongestPause ? longest : LongestPause) * (1 - (random / 2));
    }

    /// <returns>No status and no trouble: the server has ended the stream, as one does that stops.</returns>
    private static async Task<(RunStatus? Status, Exception? Trouble)> NextAsync(
        IAsyncEnumerator<RunStatus> statuses,
        CancellationToken cancellationToken
    )
    {
        try
        {
            return (await statuses.MoveNextAsync().ConfigureAwait(false) ? statuses.Current : null, null);
        }
        catch (SlowrunException e) when (e.IsPassing)
        {
            return (null, e);
        }
        catch (Exception e) when (e is HttpRequestException or IOException)
        {
            return (null, e);
        }
        catch (OperationCanceledException e) when (!cancellationToken.IsCancellationRequested)
        {
            return (null, new TimeoutException("The server does not answer, although it is reached.", e));
        }
    }

    /// <summary>One connection's statuses, until it ends or breaks.</summary>
    private async IAsyncEnumerable<RunStatus> FollowAsync(string run, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        var url = $"api/v1/runs/{Uri.EscapeDataString(run)}/stream";
        CheckName(url);
        using var silence = new CancellationTokenSource(LongestSilence, Time);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken, silence.Token);
        using var request = new HttpRequestMessage(HttpMethod.Get, url);
        request.Headers.Accept.Add(new MediaTypeWithQualityHeaderValue(EventStream));
        using var response = await _httpClient
            .SendAsync(request, HttpCompletionOption.ResponseHeadersRead, either.Token)
            .ConfigureAwait(false);
        var kind = response.Content.Headers.ContentType?.MediaType;
        if (!response.IsSuccessStatusCode || kind != EventStream)
        {
            var text = await response.Content.ReadAsStringAsync(either.Token).ConfigureAwait(false);
            throw new SlowrunException(
                $"Run '{run}' cannot be watched: the answer is {(int)response.StatusCode} of the type '{kind}', expected is a stream of events.",
                response.StatusCode,
                text,
                null
            );
        }

        var body = await response.Content.ReadAsStreamAsync(either.Token).ConfigureAwait(false);
        await using var closing = body.ConfigureAwait(false);
        await foreach (var item in SseParser.Create(body, Status).EnumerateAsync(either.Token).ConfigureAwait(false))
        {
            if (item.Data is { } status)
            {
                // The caller may take its time.
                silence.CancelAfter(Timeout.InfiniteTimeSpan);
                yield return status;
            }

            silence.CancelAfter(LongestSilence);
        }
    }

    /// <returns>Null for what happened to the run, of which its status tells too.</returns>
    private RunStatus? Status(string kind, ReadOnlySpan<byte> data) =>
        kind == "status" ? JsonSerializer.Deserialize<RunStatus>(data, JsonSerializerSettings) : null;
}
