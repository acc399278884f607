using Microsoft.AspNetCore.OpenApi;
using Microsoft.OpenApi;

namespace Slowrun.Web.Api;

/// <summary>What <c>/api/v1/openapi.json</c> says about the whole.</summary>
internal static class ApiDescription
{
    public static void Configure(OpenApiOptions options)
    {
        options.ShouldInclude = endpoint => endpoint.RelativePath?.StartsWith("api/", StringComparison.Ordinal) == true;
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
