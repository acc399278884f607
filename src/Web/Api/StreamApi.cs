using System.Net.ServerSentEvents;
using System.Runtime.CompilerServices;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;
using Microsoft.Extensions.Hosting;
using Slowrun.Core;
using Slowrun.Core.Stages;
using Slowrun.Core.Status;
using Slowrun.Reading;

namespace Slowrun.Web.Api;

/// <summary>
/// Server-sent events: <c>/api/v1/runs/RUN/stream</c> has <c>status</c> (the run's status, whenever it has changed) and <c>event</c>,
/// <c>/api/v1/stream</c> has <c>runs</c> (the list of runs, whenever it has changed).
/// </summary>
internal static class StreamApi
{
    // Proxies close silent connections, and figures of time change.
    private static readonly TimeSpan AtLeastEvery = TimeSpan.FromSeconds(10);

    /// <summary>Name of the limit on followers.</summary>
    public const string Limit = "streams";

    public static void Map(IEndpointRouteBuilder api)
    {
        api.MapGet(
                "/runs/{run}/stream",
                async (string run, HttpContext http, RunLibrary library) =>
                    await library.TryStatusAsync(run, http.RequestAborted) is null
                        ? Problem.NoSuchRun(http, run, library.Store.Address)
                        : Follow(
                            http,
                            "status",
                            async stop =>
                            {
                                var status = await library.TryStatusAsync(run, stop);
                                return status is null ? null : new Look(status, Told(status));
                            },
                            (seen, stop) => library.Events.ReadSinceAsync(run, seen, stop)
                        )
            )
            .RequireRateLimiting(Limit)
            .Produces<Stream>(StatusCodes.Status200OK, "text/event-stream")
            .ProducesProblem(StatusCodes.Status404NotFound)
            .WithName("followRun")
            .WithSummary("What changes of a run, as it changes: server-sent events 'status' (a RunStatus) and 'event' (a RunEvent).");
        api.MapGet(
                "/stream",
                (HttpContext http, RunLibrary library) =>
                    Follow(
                        http,
                        "runs",
                        async stop =>
                        {
                            var list = await library.ListAsync(stop);
                            return new Look(
                                list,
                                CanonicalJson.Sha256(list.Runs.Select(Told).Concat(list.Damaged.Select(run => run.Name)))
                            );
                        },
                        (_, _) => Task.FromResult<(int, IReadOnlyList<RunEvent>)>((0, []))
                    )
            )
            .RequireRateLimiting(Limit)
            .Produces<Stream>(StatusCodes.Status200OK, "text/event-stream")
            .WithName("followRuns")
            .WithSummary("The list of runs, as it changes: server-sent event 'runs' (a RunList).");
    }

    /// <param name="Told">The text by which a change is recognized.</param>
    private sealed record Look(object Value, string Told);

    /// <summary>Returns the events after the first <paramref name="seen"/>; null: no events, only their number.</summary>
    private delegate Task<(int Seen, IReadOnlyList<RunEvent> Events)> News(int? seen, CancellationToken stop);

    private sealed record Added((int Seen, IReadOnlyList<RunEvent> Events) News);

    private static IResult Follow(HttpContext http, string name, Func<CancellationToken, Task<Look?>> look, News news)
    {
        var services = http.RequestServices;
        // A stream does not end by itself: without this the server would wait for its readers when it stops.
        var stop = CancellationTokenSource.CreateLinkedTokenSource(
            http.RequestAborted,
            ((IHostApplicationLifetime)services.GetService(typeof(IHostApplicationLifetime))!).ApplicationStopping
        );
        http.Response.RegisterForDispose(stop);
        var pace = (StreamPace)services.GetService(typeof(StreamPace))!;
        return TypedResults.ServerSentEvents(FollowAsync(name, look, news, pace, stop.Token));
    }

    private static async IAsyncEnumerable<SseItem<object>> FollowAsync(
        string name,
        Func<CancellationToken, Task<Look?>> look,
        News news,
        StreamPace pace,
        [EnumeratorCancellation] CancellationToken stop
    )
    {
        var time = pace.Time;
        var (told, toldAt, events) = ("", time.GetTimestamp(), (int?)null);
        using var timer = new PeriodicTimer(pace.Every, time);
        do
        {
            if (await TryAsync(look, stop) is not { } seen)
            {
                continue;
            }

            // Before the status is sent, so that every later event follows it. Readers request earlier events separately.
            var added = await TryAsync(async token => new Added(await news(events, token)), stop);
            if (seen.Told != told || time.GetElapsedTime(toldAt) >= AtLeastEvery)
            {
                (told, toldAt) = (seen.Told, time.GetTimestamp());
                yield return new SseItem<object>(seen.Value, name);
            }

            foreach (var one in added?.News.Events ?? [])
            {
                yield return new SseItem<object>(one, "event");
            }

            events = added?.News.Seen ?? events;
        } while (await NextAsync(timer, stop));
    }

    /// <summary>Ignores a failure: if the store does not answer for a while, the next look may succeed.</summary>
    private static async Task<T?> TryAsync<T>(Func<CancellationToken, Task<T?>> look, CancellationToken stop)
        where T : class
    {
        try
        {
            return await look(stop);
        }
        catch (Exception e) when (e is IOException or InvalidDataException or TimeoutException or OperationCanceledException)
        {
            return null;
        }
    }

    private static async Task<bool> NextAsync(PeriodicTimer timer, CancellationToken stop)
    {
        try
        {
            return await timer.WaitForNextTickAsync(stop);
        }
        catch (OperationCanceledException)
        {
            return false;
        }
    }

    /// <summary>A status without the members that change with time alone.</summary>
    private static string Told(RunStatus status) =>
        CanonicalJson.Sha256(
            status with
            {
                AsOf = default,
                Ledger = null,
                Stages = [.. status.Stages.Select(stage => stage with { DurableAgeSeconds = null, Ledger = null })],
            }
        );
}
