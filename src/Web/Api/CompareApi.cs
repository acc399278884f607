using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;
using Slowrun.Reading;
using Slowrun.Reading.Runs;

namespace Slowrun.Web.Api;

/// <summary><c>GET /api/v1/compare</c>: runs side by side, as <c>slowrun compare</c> shows them.</summary>
internal static class CompareApi
{
    /// <summary>More do not fit beside each other, and their curves cannot be told apart.</summary>
    public const int MostRuns = 16;

    /// <summary>Of the parameter that names a run, once for each.</summary>
    public static readonly Repeated Runs = new("run", MostRuns);

    public static void Map(IEndpointRouteBuilder api) =>
        api.MapGet("/compare", CompareAsync)
            .WithMetadata(Runs)
            .Produces<RunComparison>()
            .ProducesProblem(StatusCodes.Status400BadRequest)
            .ProducesProblem(StatusCodes.Status401Unauthorized)
            .ProducesProblem(StatusCodes.Status404NotFound)
            .WithName("compareRuns")
            .WithSummary("Two or more runs side by side, each named by a 'run', as 'slowrun compare -o json' prints them.");

    /// <summary>Reads runs, each once, in the order in which they were asked for.</summary>
    /// <returns>The name of one that is not there; null: all are.</returns>
    public static async Task<(IReadOnlyList<RunReading> Runs, string? Missing)> ReadAsync(
        IEnumerable<string> names,
        RunLibrary library,
        CancellationToken stop
    )
    {
        var distinct = names.Distinct(StringComparer.Ordinal).ToList();
        var read = await Task.WhenAll(distinct.Select(name => library.TryReadAsync(name, stop)));
        var missing = Array.IndexOf(read, null);
        return missing < 0 ? ([.. read.Select(run => run!)], null) : ([], distinct[missing]);
    }

    private static async Task<IResult> CompareAsync(HttpContext http, RunLibrary library, string[] run)
    {
        var (runs, missing) = await ReadAsync(run, library, http.RequestAborted);
        return missing is not null ? Problem.NoSuchRun(http, missing, library.Store.Address)
            : runs.Count < 2
                ? Problem.Result(
                    http,
                    StatusCodes.Status400BadRequest,
                    $"Found {runs.Count} of 'run'; expected two or more different ones, as '?run=a&run=b'."
                )
            : TypedResults.Ok(await RunComparison.OfAsync(library.Store, runs, price: null, http.RequestAborted));
    }
}
