using System.Text.Json.Nodes;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Mvc;
using Microsoft.AspNetCore.Routing;
using Microsoft.OpenApi;
using Slowrun.Core;
using Slowrun.Core.Plan;
using Slowrun.Core.Recipes;
using Slowrun.Core.Specs;
using Slowrun.Core.Stages;
using Slowrun.Reading;
using Slowrun.Web.Access;

namespace Slowrun.Web.Api;

/// <summary>Pause, resume, cancel, retry, and changes of operations: accepted only where the page was started with a token, from its
/// bearers.</summary>
internal static class OrdersApi
{
    // Of assignments in one order: more fields than operations have.
    private static readonly Repeated Assignments = new("set", 32);

    private static readonly Dictionary<string, Func<RunFacts, RunPart, Func<RunIntent, RunIntent>>> Orders = new(StringComparer.Ordinal)
    {
        ["pause"] = UserOrders.Pause,
        ["resume"] = UserOrders.Resume,
        ["cancel"] = UserOrders.Cancel,
        ["retry"] = UserOrders.Retry,
    };

    public static void Map(IEndpointRouteBuilder api)
    {
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
            .WithSummary(
                "Writes what the user wants of the run, or of one 'stage' of it: pause, resume, cancel, or retry what has failed."
            );
        api.MapPost("/runs/{run}/operations", SetAsync)
            .RequireAuthorization(Permissions.Orders)
            .WithMetadata(Assignments)
            .Produces<Operations>()
            .ProducesValidationProblem()
            .ProducesProblem(StatusCodes.Status401Unauthorized)
            .ProducesProblem(StatusCodes.Status403Forbidden)
            .ProducesProblem(StatusCodes.Status404NotFound)
            .WithName("setOperations")
            .WithSummary("Changes the run's operations, also while it trains; its recipe is fixed.")
            .WithDescription(
                "Each 'set' is an assignment as 'slowrun set' takes it: priority=1, checkpoint.interval=5m; null takes a field back to its default. Receivers of notices are not changed. The answer has the operations as they are then. 400: what is wrong with an assignment; nothing was changed."
            );
    }

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

        if (!Orders.TryGetValue(order, out var change))
        {
            return Problem.Result(http, StatusCodes.Status404NotFound, $"There are the orders {string.Join(", ", Orders.Keys)}.");
        }

        try
        {
            return TypedResults.Ok(await library.OrderAsync(change(found.Facts, new RunPart(run, only)), run, http.RequestAborted));
        }
        catch (NotPossibleException e)
        {
            return Problem.Result(http, StatusCodes.Status409Conflict, e.Message);
        }
    }

    private static async Task<IResult> SetAsync(string run, [FromQuery] string[] set, HttpContext http, RunLibrary library)
    {
        if (await library.TryReadAsync(run, http.RequestAborted) is not { } found)
        {
            return Problem.NoSuchRun(http, run, library.Store.Address);
        }

        if (set.Length == 0)
        {
            return Problem.Result(http, StatusCodes.Status400BadRequest, "Found no 'set'; expected one or more, as '?set=priority=1'.");
        }

        try
        {
            return TypedResults.Ok(await library.SetAsync(found.Facts.Spec, set, http.RequestAborted));
        }
        catch (SpecException e)
        {
            return Problem.OfSpec(e);
        }
        catch (InvalidRequestException e)
        {
            return Problem.Result(http, StatusCodes.Status400BadRequest, e.Message);
        }
    }

    private static void DescribeOrder(OpenApiOperation operation)
    {
        var order = operation.Parameters!.OfType<OpenApiParameter>().Single(parameter => parameter.Name == "order");
        order.Schema = new OpenApiSchema { Type = JsonSchemaType.String, Enum = [.. Orders.Keys.Select(name => (JsonNode)name)] };
    }
}
