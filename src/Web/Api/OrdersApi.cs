using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;
using Microsoft.OpenApi;
using Slowrun.Core.Plan;
using Slowrun.Core.Stages;
using Slowrun.Reading;
using Slowrun.Web.Access;

namespace Slowrun.Web.Api;

/// <summary>Pause, resume, cancel: accepted only where the page was started with a token, from its bearers.</summary>
internal static class OrdersApi
{
    public static void Map(IEndpointRouteBuilder api) =>
        api.MapPost("/runs/{run}/orders/{order}", OrderAsync)
            .RequireAuthorization(Permissions.Orders)
            .Produces<RunIntent>()
            .ProducesProblem(StatusCodes.Status401Unauthorized)
            .ProducesProblem(StatusCodes.Status403Forbidden)
            .ProducesProblem(StatusCodes.Status404NotFound)
            .ProducesProblem(StatusCodes.Status409Conflict)
            .AddOpenApiOperationTransformer(
                (operation, _, _) =>
                {
                    DescribeOrder(operation);
                    return Task.CompletedTask;
                }
            )
            .WithName("orderRun")
            .WithSummary("Writes what the user wants of the run, or of one 'stage' of it: pause, resume or cancel.");

    public static async Task<IResult> OrderAsync(string run, string order, HttpContext http, RunLibrary library, string? stage = null)
    {
        if (await library.TryReadAsync(run, http.RequestAborted) is not { } found)
        {
            return Problem.NoSuchRun(http, run, library.Store.Address);
        }

        StageId? only = StageId.TryParse(stage, out var parsed) ? parsed : null;
        if (stage is not null && (only is null || found.Facts.Plan.Stages.All(plan => plan.Id != only)))
        {
            return Problem.Result(http, StatusCodes.Status404NotFound, $"Run '{run}' has no such stage.");
        }

        DesiredState? state = order switch
        {
            "pause" => DesiredState.Paused,
            "resume" => DesiredState.Running,
            "cancel" => DesiredState.Cancelled,
            _ => null,
        };
        if (state is null)
        {
            return Problem.Result(http, StatusCodes.Status404NotFound, "There are the orders pause, resume and cancel.");
        }

        return await library.OrderAsync(found.Facts, state.Value, only, http.RequestAborted) is { } intent
            ? TypedResults.Ok(intent)
            : Problem.Result(http, StatusCodes.Status409Conflict, "It has ended already; there is nothing to change.");
    }

    private static void DescribeOrder(OpenApiOperation operation)
    {
        var order = operation.Parameters!.OfType<OpenApiParameter>().Single(parameter => parameter.Name == "order");
        order.Schema = new OpenApiSchema { Type = JsonSchemaType.String, Enum = ["pause", "resume", "cancel"] };
    }
}
