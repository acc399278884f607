using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Components;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;
using Slowrun.Core.Efficiency;
using Slowrun.Reading;
using Slowrun.Reading.Events;
using Slowrun.Reading.Runs;
using Slowrun.Web.Access;
using Slowrun.Web.Api;
using Slowrun.Web.Charts;

namespace Slowrun.Web.Pages;

/// <summary>The addresses of the page.</summary>
internal static class PageRoutes
{
    private const string Frame = nameof(Frame),
        Run = nameof(Run);

    // Some 100 kB of table, which a browser draws at once.
    private const int EventsOnAPage = 250;

    public static void Map(WebApplication app)
    {
        var pages = app.MapGroup("").RequireAuthorization(Permissions.Read).ExcludeFromDescription();
        GivenNameFilter.Use(pages);
        pages.MapGet(
            "/",
            async (HttpContext http, RunLibrary library, AccessRules rules, string? sort, string? find, string? state) =>
                PageResult.Of<RunListPage>(
                    new()
                    {
                        [Frame] = PageFrame.Of(library, rules),
                        [nameof(RunListPage.List)] = await library.ListAsync(http.RequestAborted),
                        [nameof(RunListPage.Query)] = ListQuery.Read(sort, find, state, RunListPage.States),
                    }
                )
        );
        pages.MapGet(
            "/silos",
            async (HttpContext http, RunLibrary library, AccessRules rules, string? sort, string? find, string? state) =>
                PageResult.Of<SilosPage>(
                    new()
                    {
                        [Frame] = PageFrame.Of(library, rules),
                        [nameof(SilosPage.Silos)] = await SiloAnswers.ReadAsync(library, http.RequestAborted),
                        [nameof(SilosPage.Query)] = ListQuery.Read(sort, find, state, SilosPage.States),
                    }
                )
        );

        ComparePages.Map(pages);

        var run = pages.MapGroup("/runs/{run}");
        run.MapGet("/", OfRun<StagesPage>);
        run.MapGet("/ledger", OfRun<LedgerPage>);
        run.MapGet(
            "/members",
            (string run, HttpContext http, RunLibrary library, AccessRules rules) =>
                OfRunAsync<MembersPage>(
                    run,
                    http,
                    library,
                    rules,
                    async (_, page) => page[nameof(MembersPage.Efficiency)] = await EfficiencyAsync(run, http, library)
                )
        );
        run.MapGet("/spec", OfRun<SpecPage>);
        run.MapGet(
            "/events",
            (string run, HttpContext http, RunLibrary library, AccessRules rules, int? before) =>
                OfEventsAsync<EventsPage>(run, http, library, rules, before, (page, events) => page[nameof(EventsPage.Events)] = events)
        );
        run.MapGet(
            "/timeline",
            (string run, HttpContext http, RunLibrary library, AccessRules rules, int? before) =>
                OfEventsAsync<TimelinePage>(run, http, library, rules, before, (page, events) => page[nameof(TimelinePage.Events)] = events)
        );
        run.MapGet(
            "/losses",
            (string run, HttpContext http, RunLibrary library, AccessRules rules, string? chain, string? stage, string? from, string? to) =>
                OfRunAsync<LossesPage>(
                    run,
                    http,
                    library,
                    rules,
                    async (read, page) =>
                    {
                        var query = Address.Read(chain, stage, from, to, http.Request.Query["in"]);
                        page[nameof(LossesPage.Query)] = query;
                        page[nameof(LossesPage.Curves)] = await query.ReadAsync(read, library.Curves, http.RequestAborted);
                    }
                )
        );
        run.MapGet("/plots/{plot}.svg", PlotAsync);
        run.MapPost("/orders/{order}", OrderAsync).RequireAuthorization(Permissions.Orders);
    }

    /// <summary>Of a damaged answer, which the next one writes over, the page says nothing else than of none.</summary>
    private static async Task<EfficiencyReport?> EfficiencyAsync(string run, HttpContext http, RunLibrary library)
    {
        try
        {
            return await library.TryEfficiencyAsync(run, http.RequestAborted);
        }
        catch (InvalidDataException)
        {
            return null;
        }
    }

    private static Task<IResult> OfRun<T>(string run, HttpContext http, RunLibrary library, AccessRules rules)
        where T : IComponent => OfRunAsync<T>(run, http, library, rules, (_, _) => Task.CompletedTask);

    private static async Task<IResult> OfRunAsync<T>(
        string run,
        HttpContext http,
        RunLibrary library,
        AccessRules rules,
        Func<RunReading, Dictionary<string, object?>, Task> add
    )
        where T : IComponent
    {
        if (await library.TryReadAsync(run, http.RequestAborted) is not { } found)
        {
            return Problem.NoSuchRun(http, run, library.Store.Address);
        }

        var page = new Dictionary<string, object?> { [Frame] = PageFrame.Of(library, rules), [Run] = found };
        await add(found, page);
        return PageResult.Of<T>(page);
    }

    /// <summary>A view of some hundred events, the newest or those before one of them.</summary>
    private static Task<IResult> OfEventsAsync<T>(
        string run,
        HttpContext http,
        RunLibrary library,
        AccessRules rules,
        int? before,
        Action<Dictionary<string, object?>, EventPage> add
    )
        where T : IComponent
    {
        var query = new EventsQuery(Before: before, Limit: EventsOnAPage);
        return query.Problem is { } problem
            ? Task.FromResult(Problem.Result(http, StatusCodes.Status400BadRequest, problem))
            : OfRunAsync<T>(
                run,
                http,
                library,
                rules,
                async (_, page) => add(page, await library.Events.ReadAsync(run, query, http.RequestAborted))
            );
    }

    private static async Task<IResult> PlotAsync(
        string run,
        string plot,
        HttpContext http,
        RunLibrary library,
        string? chain,
        string? stage,
        string? from,
        string? to,
        int? before
    )
    {
        var events = new EventsQuery(Before: before, Limit: EventsOnAPage);
        if (events.Problem is { } problem)
        {
            return Problem.Result(http, StatusCodes.Status400BadRequest, problem);
        }

        if (await library.TryReadAsync(run, http.RequestAborted) is not { } found)
        {
            return Problem.NoSuchRun(http, run, library.Store.Address);
        }

        var query = Address.Read(chain, stage, from, to, http.Request.Query["in"]);
        var svg = plot switch
        {
            "training" => RunCharts.Training(await query.ReadAsync(found, library.Curves, http.RequestAborted), query).ToSvg(),
            "validation" => RunCharts.Validation(found).ToSvg(),
            "ensemble" => RunCharts.Ensemble(found).ToSvg(),
            "efficiency" when await EfficiencyAsync(run, http, library) is { } report => RunCharts.Efficiency(report).ToSvg(),
            "timeline" => new TimelineChart(
                "timeline",
                Timeline.Of((await library.Events.ReadAsync(run, events, http.RequestAborted)).Events),
                library.Now
            ).ToSvg(),
            _ => null,
        };
        return svg is null
            ? Problem.Result(
                http,
                StatusCodes.Status404NotFound,
                "There are the plots training, validation, ensemble and timeline; and efficiency, where it was measured."
            )
            : TypedResults.File(System.Text.Encoding.UTF8.GetBytes(svg), "image/svg+xml", $"{run}-{plot}.svg");
    }

    /// <summary>Carries out a form's order, and leads on to the run's page.</summary>
    private static async Task<IResult> OrderAsync(string run, string order, HttpContext http, RunLibrary library, string? stage)
    {
        var answer = await OrdersApi.OrderAsync(run, order, http, library, stage);
        return answer is IStatusCodeHttpResult { StatusCode: StatusCodes.Status200OK } ? new SeeOther($"/runs/{run}") : answer;
    }
}
