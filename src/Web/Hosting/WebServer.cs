using System.Net;
using System.Net.Sockets;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.AspNetCore.Routing;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Slowrun.Web.Access;
using Slowrun.Web.Api;
using Slowrun.Web.Pages;

namespace Slowrun.Web.Hosting;

/// <summary>The one web server of a process: page, API, and what its host adds to them.</summary>
public sealed class WebServer : IAsyncDisposable
{
    /// <summary>Where a host serves metrics.</summary>
    public const string MetricsPath = "/metrics";

    private readonly WebApplication app;
    private readonly BackgroundThread thread;

    private WebServer(WebApplication app, BackgroundThread thread, IReadOnlyList<Uri> addresses) =>
        (this.app, this.thread, Addresses) = (app, thread, addresses);

    /// <summary>Its addresses as this machine reaches them, in the order of the options.</summary>
    public IReadOnlyList<Uri> Addresses { get; }

    /// <summary>The first of them.</summary>
    public Uri Address => Addresses[0];

    /// <summary>All endpoints, except what the host's middleware answers before them.</summary>
    public IReadOnlyList<Endpoint> Endpoints => app.Services.GetRequiredService<EndpointDataSource>().Endpoints;

    /// <exception cref="ArgumentException">The options would let every caller in.</exception>
    /// <exception cref="IOException">A port cannot be used.</exception>
    public static async Task<WebServer> StartAsync(WebOptions options, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(options);
        options.Check();
        var thread = new BackgroundThread("web", options.CpuShare);
        var app = Build(options, thread);
        try
        {
            await app.StartAsync(cancellationToken);
        }
        catch (Exception e) when (e is IOException or SocketException)
        {
            await app.DisposeAsync();
            thread.Dispose();
            throw new IOException(
                $"Nothing can listen on {string.Join(" and ", options.Addresses.Select(address => address.EndPoint))}: {e.Message} Give another port, or 0 for any free one.",
                e
            );
        }

        return new WebServer(app, thread, [.. app.Urls.Select(url => Reachable(new Uri(url)))]);
    }

    /// <summary>Lets answers under way end.</summary>
    public Task StopAsync(CancellationToken cancellationToken) => app.StopAsync(cancellationToken);

    public async ValueTask DisposeAsync()
    {
        await app.StopAsync();
        await app.DisposeAsync();
        thread.Dispose();
    }

    private static WebApplication Build(WebOptions options, BackgroundThread thread)
    {
        // Empty: no configuration is read from the files and variables of the place where it is started.
        var builder = WebApplication.CreateEmptyBuilder(new WebApplicationOptions { ContentRootPath = AppContext.BaseDirectory });
        builder
            .WebHost.UseKestrelCore()
            .ConfigureKestrel(kestrel =>
            {
                RequestLimits.Apply(kestrel);
                foreach (var address in options.Addresses)
                {
                    kestrel.Listen(address.EndPoint, listen => Listen(listen, address));
                }
            });
        // Signals are its host's.
        builder.Services.AddSingleton<IHostLifetime, NoLifetime>();
        builder.Services.AddRouting().AddLogging().AddRateLimiter(RequestLimits.Apply);
        if (options.Logs is { } logs)
        {
            builder.Services.AddSingleton(logs);
        }

        var refusals = new Refusals(Problem.WriteAsync, options.Page is null ? null : LoginPages.Path);
        ServerAccess.AddTo(builder.Services, options.Access, refusals, options.Time);
        if (options.Page is { } page)
        {
            PageApp.AddTo(builder.Services, page);
        }

        var app = builder.Build();
        HeldConnections.Use(app);
        options.Before(app);
        thread.Use(app);
        app.Use((http, next) => SafeHeaders.InvokeAsync(http, next));
        app.Use((http, next) => Trouble.InvokeAsync(http, next, options.Trouble));
        app.Use(
            (http, next) =>
            {
                http.Features.Set(Target.Of(http));
                return next(http);
            }
        );
        ServerAccess.UseBeforeRouting(app, http => AnswersUnderAnyName(options, http));
        if (options.Page is not null)
        {
            app.UseWhen(http => !TargetOf(http).IsMetrics, page => page.UseResponseCompression());
        }

        app.UseRouting();
        app.Use((http, next) => WithoutPage(http, next));
        ServerAccess.UseAfterRouting(app);
        app.UseWhen(http => !TargetOf(http).IsMetrics, page => page.Use((http, next) => QuestionLimits.InvokeAsync(http, next)));
        app.UseRateLimiter();
        options.Metrics?.Invoke(app).RequireAuthorization(Permissions.Metrics).RequireRateLimiting(RequestLimits.Scrapes);
        if (options.Page is not null)
        {
            PageApp.Map(app);
        }

        return app;
    }

    /// <summary>Metrics behind a token, and without a page, are safe under any name, since no browser sends the token by itself; collectors
    /// use names of silos that the silo does not know.</summary>
    private static bool AnswersUnderAnyName(WebOptions options, HttpContext http) =>
        !options.Access.MetricsAreOpen && (options.Page is null || TargetOf(http) is { ServesPage: false } or { IsMetrics: true });

    private static Target TargetOf(HttpContext http) => http.Features.GetRequiredFeature<Target>();

    /// <summary>Each address has connections of its own: a flood of one takes nothing from another.</summary>
    private static void Listen(ListenOptions listen, WebAddress address)
    {
        new HeldConnections(RequestLimits.MostConnections).Use(listen);
        listen.Use(next =>
            connection =>
            {
                connection.Features.Set(address);
                return next(connection);
            }
        );
    }

    /// <summary>An address without the page serves metrics alone.</summary>
    private static Task WithoutPage(HttpContext http, RequestDelegate next)
    {
        if (TargetOf(http) is { ServesPage: false, IsMetrics: false })
        {
            http.SetEndpoint(null);
        }

        return next(http);
    }

    /// <summary>0.0.0.0 cannot be opened in a browser.</summary>
    private static Uri Reachable(Uri bound) =>
        IPAddress.TryParse(bound.Host, out var address) && (address.Equals(IPAddress.Any) || address.Equals(IPAddress.IPv6Any))
            ? new UriBuilder(bound) { Host = "127.0.0.1" }.Uri
            : bound;

    /// <summary>What a request is for, found out once.</summary>
    /// <param name="ServesPage">Whether the page is served at the address that it came to.</param>
    private sealed record Target(bool IsMetrics, bool ServesPage)
    {
        public static Target Of(HttpContext http) =>
            new(
                // As routing compares it.
                string.Equals(http.Request.Path.Value?.TrimEnd('/'), MetricsPath, StringComparison.OrdinalIgnoreCase),
                http.Features.Get<WebAddress>()?.ServesPage == true
            );
    }

    private sealed class NoLifetime : IHostLifetime
    {
        public Task WaitForStartAsync(CancellationToken cancellationToken) => Task.CompletedTask;

        public Task StopAsync(CancellationToken cancellationToken) => Task.CompletedTask;
    }
}
