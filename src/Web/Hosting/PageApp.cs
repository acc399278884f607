using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Components.Web;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.ResponseCompression;
using Microsoft.Extensions.DependencyInjection;
using Slowrun.Core;
using Slowrun.Reading;
using Slowrun.Web.Access;
using Slowrun.Web.Api;
using Slowrun.Web.Pages;

namespace Slowrun.Web.Hosting;

/// <summary>The page and the API as part of a web server.</summary>
internal static class PageApp
{
    public static void AddTo(IServiceCollection services, PageSource source)
    {
        services
            .AddSingleton(new RunLibrary(source.Store, source.Live, source.Time))
            .AddSingleton(new StreamPace(source.FollowEvery, source.Time));
        services.AddSingleton<ProblemView>(ProblemPages.Of);
        services.AddScoped<HtmlRenderer>();
        services.AddResponseCompression(compression =>
            compression.MimeTypes = [.. ResponseCompressionDefaults.MimeTypes, "image/svg+xml", "text/csv", "application/problem+json"]
        );
        services.ConfigureHttpJsonOptions(json =>
        {
            // As documents have them, and as the description then says: numbers are no strings.
            json.SerializerOptions.NumberHandling = CanonicalJson.Options.NumberHandling;
            json.SerializerOptions.PropertyNamingPolicy = CanonicalJson.Options.PropertyNamingPolicy;
            json.SerializerOptions.DefaultIgnoreCondition = CanonicalJson.Options.DefaultIgnoreCondition;
            foreach (var converter in CanonicalJson.Options.Converters)
            {
                json.SerializerOptions.Converters.Add(converter);
            }
        });
        services.AddOpenApi("v1", ApiDescription.Configure);
    }

    /// <summary>Answers every address that nothing else answers.</summary>
    public static void Map(WebApplication app)
    {
        var api = app.MapGroup("/api/v1").RequireAuthorization(Permissions.Read).WithTags("Slowrun");
        GivenNameFilter.Use(api);
        RunsApi.Map(api);
        CompareApi.Map(api);
        StreamApi.Map(api);
        OrdersApi.Map(api);
        SubmitApi.Map(api);
        app.MapOpenApi("/api/{documentName}/openapi.json").RequireAuthorization(Permissions.Read);
        AssetFiles.Map(app);
        LoginPages.Map(app);
        PageRoutes.Map(app);
        app.MapFallback((HttpContext http) => Problem.Result(http, StatusCodes.Status404NotFound, "There is nothing at this address."))
            .RequireAuthorization(Permissions.Read);
    }
}
