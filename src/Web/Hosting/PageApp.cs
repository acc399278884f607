using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Components.Web;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.ResponseCompression;
using Microsoft.Extensions.DependencyInjection;
using Slowrun.Core;
using Slowrun.Reading;
using Slowrun.Reading.Live;
using Slowrun.Storage;
using Slowrun.Web.Access;
using Slowrun.Web.Api;
using Slowrun.Web.Pages;

namespace Slowrun.Web.Hosting;

/// <summary>The page and the API as part of a web application.</summary>
public static class PageApp
{
    public static void AddTo(IServiceCollection services, PageOptions options, IObjectStore store, ILiveRuns live, TimeProvider time)
    {
        ArgumentNullException.ThrowIfNull(options);
        services.AddRouting().AddLogging();
        services.AddSingleton(options).AddSingleton(new RunLibrary(store, live, time)).AddSingleton(new StreamPace(options.FollowEvery));
        services.AddSingleton<ProblemView>(
            (status, detail) =>
                PageResult.Of<ProblemPage>(new() { [nameof(ProblemPage.Status)] = status, [nameof(ProblemPage.Detail)] = detail }, status)
        );
        services.AddTokenAccess(
            new AccessSettings(options.Token, options.HostNames, Problem.WriteAsync) { LoginPath = LoginPages.Path },
            time
        );
        services.AddScoped<HtmlRenderer>();
        services.AddRateLimiter(RequestLimits.Apply);
        services.AddResponseCompression(compression =>
            compression.MimeTypes = [.. ResponseCompressionDefaults.MimeTypes, "image/svg+xml", "text/csv", "application/problem+json"]
        );
        services.ConfigureHttpJsonOptions(json =>
        {
            json.SerializerOptions.PropertyNamingPolicy = CanonicalJson.Options.PropertyNamingPolicy;
            json.SerializerOptions.DefaultIgnoreCondition = CanonicalJson.Options.DefaultIgnoreCondition;
            foreach (var converter in CanonicalJson.Options.Converters)
            {
                json.SerializerOptions.Converters.Add(converter);
            }
        });
        services.AddOpenApi("v1", ApiDescription.Configure);
    }

    /// <summary>Answers every address that nothing before it has answered.</summary>
    public static void UseIn(WebApplication app)
    {
        ArgumentNullException.ThrowIfNull(app);
        var trouble = app.Services.GetRequiredService<PageOptions>().Trouble;
        app.Use((http, next) => SafeHeaders.InvokeAsync(http, next));
        app.Use((http, next) => Trouble.InvokeAsync(http, next, trouble));
        app.UseAccessGate();
        app.UseResponseCompression();
        app.UseRouting();
        app.UseTokenAccess();
        app.Use((http, next) => QuestionLimits.InvokeAsync(http, next));
        app.UseRateLimiter();

        var api = app.MapGroup("/api/v1");
        RunsApi.Map(api);
        StreamApi.Map(api);
        OrdersApi.Map(api);
        app.MapOpenApi("/api/{documentName}/openapi.json");
        AssetFiles.Map(app);
        LoginPages.Map(app);
        PageRoutes.Map(app);
        app.MapFallback((HttpContext http) => Problem.Result(http, StatusCodes.Status404NotFound, "There is nothing at this address."));
    }
}
