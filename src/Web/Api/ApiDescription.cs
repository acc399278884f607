using System.Text.Json;
using System.Text.RegularExpressions;
using Microsoft.AspNetCore.OpenApi;
using Microsoft.OpenApi;
using Slowrun.Core.Plan;

namespace Slowrun.Web.Api;

/// <summary>What <c>/api/v1/openapi.json</c> says about the whole.</summary>
internal static partial class ApiDescription
{
    public static void Configure(OpenApiOptions options)
    {
        options.ShouldInclude = endpoint => endpoint.RelativePath?.StartsWith("api/", StringComparison.Ordinal) == true;
        options.AddSchemaTransformer(
            (schema, context, _) =>
            {
                Complete(schema, Nullable.GetUnderlyingType(context.JsonTypeInfo.Type) ?? context.JsonTypeInfo.Type);
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
                foreach (var schema in document.Components.Schemas?.Values ?? [])
                {
                    OnOneLine(schema);
                }

                document.Components.SecuritySchemes = new Dictionary<string, IOpenApiSecurityScheme>
                {
                    ["token"] = new OpenApiSecurityScheme { Type = SecuritySchemeType.Http, Scheme = "bearer" },
                };
                return Task.CompletedTask;
            }
        );
    }

    /// <summary>What the framework leaves out of types with converters.</summary>
    private static void Complete(OpenApiSchema schema, Type type)
    {
        if (type == typeof(StageId))
        {
            (schema.Type, schema.Pattern) = (JsonSchemaType.String, "^chain[0-9]+/stage[0-9]+$");
        }
        else if (type.IsEnum)
        {
            schema.Type = JsonSchemaType.String;
            // One component serves members that may be null and those that may not: each member says so itself.
            schema.Enum = [.. (schema.Enum ?? []).Where(value => value?.GetValueKind() == JsonValueKind.String)];
        }
    }

    /// <summary>Descriptions are comments of the sources, whose lines end where the sources' do.</summary>
    private static void OnOneLine(IOpenApiSchema schema)
    {
        switch (schema)
        {
            // Otherwise it has that of its target.
            case OpenApiSchemaReference { Reference.Description: { } text } reference:
                reference.Description = LineEnd().Replace(text, " ");
                break;
            case OpenApiSchema own:
                own.Description = own.Description is { } description ? LineEnd().Replace(description, " ") : null;
                foreach (var part in (own.Properties?.Values ?? []).Concat(own.OneOf ?? []))
                {
                    OnOneLine(part);
                }

                break;
        }
    }

    [GeneratedRegex(@"\s*\n\s*")]
    private static partial Regex LineEnd();
}
