using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;
using Slowrun.Reading;
using Slowrun.Reading.Curves;
using Slowrun.Reading.Runs;
using Slowrun.Web.Access;
using Slowrun.Web.Api;
using Slowrun.Web.Charts;

namespace Slowrun.Web.Pages;

/// <summary>Addresses of runs side by side.</summary>
internal static class ComparePages
{
    public static void Map(IEndpointRouteBuilder pages)
    {
        pages.MapGet("/compare", PageAsync).WithMetadata(CompareApi.Runs);
        pages.MapGet("/compare/plots/{plot}.svg", PlotAsync).WithMetadata(CompareApi.Runs);
    }

    private static async Task<IResult> PageAsync(HttpContext http, RunLibrary library, AccessRules rules, string[] run)
    {
        var (runs, missing) = await CompareApi.ReadAsync(run, library, http.RequestAborted);
        if (missing is not null)
        {
            return Problem.NoSuchRun(http, missing, library.Store.Address);
        }

        var query = Query(http);
        var page = new Dictionary<string, object?>
        {
            [nameof(ComparePage.Frame)] = PageFrame.Of(library, rules),
            [nameof(ComparePage.All)] = (await library.ListAsync(http.RequestAborted)).Runs.Select(one => one.Name).ToList(),
            [nameof(ComparePage.Runs)] = runs,
            [nameof(ComparePage.Query)] = query,
        };
        if (runs.Count > 1)
        {
            page[nameof(ComparePage.Comparison)] = await RunComparison.OfAsync(library.Store, runs, price: null, http.RequestAborted);
            page[nameof(ComparePage.Curves)] = await CurvesAsync(runs, query, library, http.RequestAborted);
        }

        return PageResult.Of<ComparePage>(page);
    }

    private static async Task<IResult> PlotAsync(string plot, HttpContext http, RunLibrary library, string[] run)
    {
        var (runs, missing) = await CompareApi.ReadAsync(run, library, http.RequestAborted);
        if (missing is not null)
        {
            return Problem.NoSuchRun(http, missing, library.Store.Address);
        }

        var query = Query(http);
        var svg = plot switch
        {
            "training" => ComparedCharts.Training(await CurvesAsync(runs, query, library, http.RequestAborted), query).ToSvg(),
            "ensemble" => ComparedCharts.Ensemble(runs).ToSvg(),
            _ => null,
        };
        return svg is null
            ? Problem.Result(http, StatusCodes.Status404NotFound, "There are the plots training and ensemble.")
            : TypedResults.File(System.Text.Encoding.UTF8.GetBytes(svg), "image/svg+xml", $"compared-{plot}.svg");
    }

    private static CurveQuery Query(HttpContext http)
    {
        var given = http.Request.Query;
        return Address.Read(given["chain"], null, given["from"], given["to"], given["in"]);
    }

    private static async Task<IReadOnlyList<ComparedCurves>> CurvesAsync(
        IReadOnlyList<RunReading> runs,
        CurveQuery query,
        RunLibrary library,
        CancellationToken stop
    ) =>
        await Task.WhenAll(
            runs.Select(async run => new ComparedCurves(run.Status.Title, await query.ReadAsync(run, library.Curves, stop)))
        );
}
