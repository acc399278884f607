using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;
using Slowrun.Core.Efficiency;
using Slowrun.Core.Plan;
using Slowrun.Core.Recipes;
using Slowrun.Core.Status;
using Slowrun.Reading;
using Slowrun.Reading.Curves;
using Slowrun.Reading.Events;
using Slowrun.Reading.Runs;
using Slowrun.Web.Access;

namespace Slowrun.Web.Api;

/// <summary><c>/api/v1</c>: what the page shows, as JSON.</summary>
internal static class RunsApi
{
    private const int MostPoints = 20_000;

    public static void Map(IEndpointRouteBuilder api)
    {
        api.MapGet("/", (RunLibrary library, AccessRules rules) => new ServerAnswer(1, library.Store.Address, rules.TakesOrders))
            .WithName("getServer")
            .WithSummary("What serves this.");
        api.MapGet("/runs", (RunLibrary library, CancellationToken stop) => library.ListAsync(stop))
            .WithName("listRuns")
            .WithSummary("The runs of the store, from the store alone.");
        api.MapGet("/silos", SilosAsync).WithName("listSilos").WithSummary("Silos that serve the store, and what they hold.");

        var run = api.MapGroup("/runs/{run}");
        run.MapGet("/", (string run, HttpContext http, RunLibrary library) => OfAsync(run, http, library, found => found.Status))
            .Answers<RunStatus>()
            .WithName("getRun")
            .WithSummary("How far a run is, as 'slowrun status -o json' prints it.");
        run.MapGet("/spec", (string run, HttpContext http, RunLibrary library) => OfAsync(run, http, library, found => found.Facts.Spec))
            .Answers<RunSpec>()
            .WithName("getSpec")
            .WithSummary("Its spec with every default, and its operations as they are now.");
        run.MapGet("/ledger", (string run, HttpContext http, RunLibrary library) => OfAsync(run, http, library, Ledger))
            .Answers<LedgerAnswer>()
            .WithName("getLedger")
            .WithSummary("Where its time went, in seconds.");
        run.MapGet("/members", (string run, HttpContext http, RunLibrary library) => OfAsync(run, http, library, Member.Of))
            .Answers<IReadOnlyList<Member>>()
            .WithName("getMembers")
            .WithSummary("Its stages as members: snapshots, scores, mixture weights, lineage.");
        run.MapGet("/efficiency", EfficiencyAsync)
            .Answers<EfficiencyReport>()
            .WithName("getEfficiency")
            .WithSummary("How many times its data ordinary trainings need for its losses, as 'slowrun efficiency' found it last.");
        run.MapGet("/events", EventsAsync)
            .Answers<EventsAnswer>()
            .WithName("getEvents")
            .WithSummary(
                "What happened to it, the oldest first: 'limit' events (1 to 1000) from number 'after' on, or the last ones "
                    + "before number 'before'."
            );
        run.MapGet("/timeline", TimelineAsync)
            .Answers<TimelineAnswer>()
            .WithName("getTimeline")
            .WithSummary(
                "Which stage was on which machine when, and what losses cost, as 'limit' events tell (1 to 1000): the newest, "
                    + "those from number 'after' on, or the last ones before number 'before'."
            );
        run.MapGet("/metrics", MetricsAsync)
            .Answers<MetricsAnswer>()
            .WithName("getMetrics")
            .WithSummary(
                "Its losses. Curves come from checkpoints, thinned out to 'points' values each (2 to 20000), of steps 'from' "
                    + "to 'to', of one 'chain' or 'stage'."
            );
        run.MapGet("/metrics.csv", CsvAnswer.WriteAsync)
            .Produces<Stream>(StatusCodes.Status200OK, CsvAnswer.ContentType)
            .ProducesProblem(StatusCodes.Status404NotFound)
            .WithName("getLossesAsCsv")
            .WithSummary("Every training step's loss.");
    }

    private static RouteHandlerBuilder Answers<T>(this RouteHandlerBuilder endpoint) =>
        endpoint.Produces<T>().ProducesProblem(StatusCodes.Status404NotFound).ProducesProblem(StatusCodes.Status401Unauthorized);

    /// <summary>Something of a run that was read; 404 where there is none.</summary>
    public static async Task<IResult> OfAsync<T>(string run, HttpContext http, RunLibrary library, Func<RunReading, T> answer) =>
        await library.TryReadAsync(run, http.RequestAborted) is { } found
            ? TypedResults.Ok(answer(found))
            : Problem.NoSuchRun(http, run, library.Store.Address);

    private static LedgerAnswer Ledger(RunReading run) =>
        new(run.Status.Ledger, [.. run.Status.Stages.Select(stage => new StageLedgerAnswer(stage.Id, stage.Ledger))]);

    private static async Task<IResult> EfficiencyAsync(string run, HttpContext http, RunLibrary library) =>
        await library.TryEfficiencyAsync(run, http.RequestAborted) is { } found ? TypedResults.Ok(found)
        : await library.TryReadAsync(run, http.RequestAborted) is null ? Problem.NoSuchRun(http, run, library.Store.Address)
        : Problem.Result(http, StatusCodes.Status404NotFound, $"It was not measured. 'slowrun efficiency {run}' does that.");

    private static async Task<IResult> EventsAsync(
        string run,
        HttpContext http,
        RunLibrary library,
        int? after = null,
        int? before = null,
        int? limit = null
    ) =>
        await PageAsync(
            run,
            http,
            library,
            new EventsQuery(before is null ? after ?? 0 : after, before, limit ?? EventsQuery.Most),
            page => new EventsAnswer(page.Total, page.First + page.Events.Count, page.Events) { First = page.First }
        );

    private static async Task<IResult> TimelineAsync(
        string run,
        HttpContext http,
        RunLibrary library,
        int? after = null,
        int? before = null,
        int? limit = null
    ) =>
        await PageAsync(
            run,
            http,
            library,
            new EventsQuery(after, before, limit ?? EventsQuery.Most),
            page =>
            {
                var timeline = Timeline.Of(page.Events);
                return new TimelineAnswer(timeline.Spans, timeline.Marks, page.Total, page.First, page.First + page.Events.Count);
            }
        );

    private static async Task<IResult> PageAsync<T>(
        string run,
        HttpContext http,
        RunLibrary library,
        EventsQuery query,
        Func<EventPage, T> answer
    )
    {
        if (query.Problem is { } problem)
        {
            return Problem.Result(http, StatusCodes.Status400BadRequest, problem);
        }

        return await library.TryStatusAsync(run, http.RequestAborted) is null
            ? Problem.NoSuchRun(http, run, library.Store.Address)
            : TypedResults.Ok(answer(await library.Events.ReadAsync(run, query, http.RequestAborted)));
    }

    private static async Task<IResult> MetricsAsync(
        string run,
        HttpContext http,
        RunLibrary library,
        string? stage = null,
        int? chain = null,
        int? from = null,
        int? to = null,
        int? points = null
    )
    {
        StageId? only = StageId.TryParse(stage, out var parsed) ? parsed : null;
        if ((stage is not null && only is null) || points is < 2 or > MostPoints)
        {
            return Problem.Result(
                http,
                StatusCodes.Status400BadRequest,
                $"Expected are a 'stage' such as chain0/stage1 and 'points' of 2 to {MostPoints}."
            );
        }

        if (chain < 0 || from < 0 || to < 0 || to < from)
        {
            return Problem.Result(
                http,
                StatusCodes.Status400BadRequest,
                "Expected are a 'chain', and steps 'from' and 'to', of 0 or more, and a 'to' that is not before 'from'."
            );
        }

        if (await library.TryReadAsync(run, http.RequestAborted) is not { } found)
        {
            return Problem.NoSuchRun(http, run, library.Store.Address);
        }

        var curves = await new CurveQuery(chain, only, from, to, Points: points).ReadAsync(found, library.Curves, http.RequestAborted);
        var validation = found
            .Status.Stages.Where(one => one.ValLossNats is not null)
            .Select(one => new StageLoss(one.Id, one.Role, one.ValLossNats!.Value, one.ValBitsPerByte));
        return TypedResults.Ok(new MetricsAnswer(curves, [.. validation], found.Status.Ensemble));
    }

    private static async Task<IReadOnlyList<SiloAnswer>> SilosAsync(RunLibrary library, CancellationToken stop) =>
        await SiloAnswers.ReadAsync(library, stop);
}
