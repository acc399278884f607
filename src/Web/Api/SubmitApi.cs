using System.Text;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Metadata;
using Microsoft.AspNetCore.Routing;
using Microsoft.OpenApi;
using Slowrun.Core;
using Slowrun.Core.Recipes;
using Slowrun.Core.Specs;
using Slowrun.Reading;
using Slowrun.Web.Access;

namespace Slowrun.Web.Api;

/// <summary><c>POST /api/v1/runs</c>: makes a run of a spec, as <c>slowrun submit</c> does, on data that the store has.</summary>
internal static class SubmitApi
{
    /// <summary>Name of the limit on submissions.</summary>
    public const string Limit = "submissions";

    /// <summary>What the text is called in messages.</summary>
    private const string Source = "spec";

    // How long a spec may take to arrive.
    private static readonly TimeSpan LongestWait = TimeSpan.FromSeconds(10);

    public static void Map(IEndpointRouteBuilder api) =>
        api.MapPost("/runs", SubmitAsync)
            .RequireAuthorization(Permissions.Orders)
            .RequireRateLimiting(Limit)
            .WithMetadata(new SpecSize())
            .Produces<SubmitAnswer>()
            .ProducesValidationProblem()
            .ProducesProblem(StatusCodes.Status401Unauthorized)
            .ProducesProblem(StatusCodes.Status403Forbidden)
            .ProducesProblem(StatusCodes.Status409Conflict)
            .ProducesProblem(StatusCodes.Status413PayloadTooLarge)
            .AddOpenApiOperationTransformer(
                (operation, _, _) =>
                {
                    DescribeBody(operation);
                    return Task.CompletedTask;
                }
            )
            .WithName("submitRun")
            .WithSummary("Makes a run of a spec; the same spec again has the same answer.")
            .WithDescription(
                "The run is called 'name', or as the spec says, and trains on the store's data of the hash 'data', or on those that the spec names. 400: what is wrong with the spec or its data; 409: a run of that name has another recipe, or another run is called so."
            );

    private static async Task<IResult> SubmitAsync(HttpContext http, RunLibrary library, string? name = null, string? data = null)
    {
        if (await TextAsync(http) is not { } text)
        {
            return Problem.Result(http, StatusCodes.Status408RequestTimeout, "The spec did not arrive in time. Try again.");
        }

        try
        {
            var spec = SpecReader.FromUnnamedText(text, Source, new SpecOverrides { Name = name, NameFrom = "'name' of the address" });
            RefuseReceivers(spec);
            var run = await library.SubmitAsync(spec, data, http.RequestAborted);
            return run.OtherRecipe.Count > 0
                ? Problem.Result(
                    http,
                    StatusCodes.Status409Conflict,
                    $"Run '{spec.Name}' in '{library.Store.Address}' has another recipe, and a recipe cannot change:"
                        + string.Concat(run.OtherRecipe.Select(difference => $"\n  {difference}"))
                        + "\nSubmit it under another 'name'."
                )
                : TypedResults.Ok(
                    new SubmitAnswer(
                        run.Spec.Name,
                        run.Spec,
                        [.. run.OtherOperations.Select(difference => $"The run's operations stay as they were: {difference}.")]
                    )
                );
        }
        catch (SpecException e)
        {
            return Problem.OfSpec(e);
        }
        catch (InvalidRequestException e)
        {
            return Problem.Result(http, StatusCodes.Status400BadRequest, e.Message);
        }
        catch (NotPossibleException e)
        {
            return Problem.Result(http, StatusCodes.Status409Conflict, e.Message);
        }
    }

    /// <summary>Who has the token may order trainings. A receiver of notices would let them make silos post to any address, with
    /// variables of the silos' environment: that is for who may write the store.</summary>
    private static void RefuseReceivers(RunSpec spec)
    {
        if (spec.Operations.Notify is { Count: > 0 })
        {
            throw new InvalidRequestException(
                "The spec names receivers of notices (operations.notify), which is not accepted over HTTP: silos would post to them. Leave them out; who may write the store adds them with 'slowrun set'."
            );
        }
    }

    /// <returns>Null: it did not come in time.</returns>
    /// <exception cref="BadHttpRequestException">It is too long, or no text.</exception>
    private static async Task<string?> TextAsync(HttpContext http)
    {
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(http.RequestAborted);
        limit.CancelAfter(LongestWait);
        try
        {
            using var reader = new StreamReader(http.Request.Body, new UTF8Encoding(false, throwOnInvalidBytes: true), false, -1, true);
            return (await reader.ReadToEndAsync(limit.Token)).TrimStart('\uFEFF');
        }
        catch (DecoderFallbackException)
        {
            throw new BadHttpRequestException("The body is not UTF-8 text; a spec is YAML or JSON.");
        }
        catch (OperationCanceledException) when (!http.RequestAborted.IsCancellationRequested)
        {
            return null;
        }
    }

    /// <summary>Its content type is not asked for: JSON is YAML.</summary>
    private static void DescribeBody(OpenApiOperation operation) =>
        operation.RequestBody = new OpenApiRequestBody
        {
            Required = true,
            Description = "A spec, as YAML or JSON (docs/specs.md).",
            Content = new Dictionary<string, OpenApiMediaType>
            {
                ["text/plain"] = new() { Schema = new OpenApiSchema { Type = JsonSchemaType.String } },
            },
        };

    /// <summary>Of this one request's body.</summary>
    private sealed record SpecSize : IRequestSizeLimitMetadata
    {
        // Four bytes for each of the characters that a spec may have.
        public long? MaxRequestBodySize => 4 * SpecReader.LongestCharacters;
    }
}
