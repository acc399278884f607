using Microsoft.AspNetCore.OpenApi;
using Microsoft.OpenApi;
using Slowrun.Core.Plan;

namespace Slowrun.Web.Api;

/// <summary>What <c>/api/v1/openapi.json</c> says about the whole.</summary>
internal static class ApiDescription
{
    public static void Configure(OpenApiOptions options)
    {
        options.ShouldInclude = endpoint => endpoint.RelativePath?.StartsWith("api/", StringComparison.Ordinal) == true;
        // StageId has a converter, of which the generator knows nothing.
        options.AddSchemaTransformer(
            (schema, context, _) =>
            {
                if ((Nullable.GetUnderlyingType(context.JsonTypeInfo.Type) ?? context.JsonTypeInfo.Type) == typeof(StageId))
                {
                    (schema.Type, schema.Pattern) = (JsonSchemaType.String, "^chain[0-9]+/stage[0-9]+$");
                }

                return Task.CompletedTask;
            }
        );
        options.AddDocumentTransformer(
            (document, _, _) =>
            {
                document.Info = new OpenApiInfo
                {
                    Title = "Slowrun",
                    Version = "v1",
                    Description =
                        "Runs of a store as JSON. Where the page was started with a token, send it as 'Authorization: Bearer TOKEN'. Fields may be added within a version.",
                };
                // The address is whatever it was asked under.
                document.Servers = [];
                document.Components ??= new OpenApiComponents();
                document.Components.SecuritySchemes = new Dictionary<string, IOpenApiSecurityScheme>
                {
                    ["token"] = new OpenApiSecurityScheme { Type = SecuritySchemeType.Http, Scheme = "bearer" },
                };
                return Task.CompletedTask;
            }
        );
    }
}
