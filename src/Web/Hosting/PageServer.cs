using System.Net;
using System.Net.Sockets;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Slowrun.Reading.Live;
using Slowrun.Storage;

namespace Slowrun.Web.Hosting;

/// <summary>The page and the API on a port of their own, whoever hosts them.</summary>
public sealed class PageServer : IAsyncDisposable
{
    private readonly WebApplication app;
    private readonly BackgroundThread thread;

    private PageServer(WebApplication app, BackgroundThread thread, Uri address) =>
        (this.app, this.thread, Address) = (app, thread, address);

    /// <summary>Where a browser of this machine finds it.</summary>
    public Uri Address { get; }

    /// <exception cref="ArgumentException">The options would let everybody in.</exception>
    /// <exception cref="IOException">The port cannot be used.</exception>
    public static async Task<PageServer> StartAsync(
        PageOptions options,
        IObjectStore store,
        ILiveRuns live,
        TimeProvider time,
        CancellationToken cancellationToken = default
    )
    {
        ArgumentNullException.ThrowIfNull(options);
        options.Check();
        var thread = new BackgroundThread("page");
        var app = Build(options, store, live, time, thread);
        try
        {
            await app.StartAsync(cancellationToken);
        }
        catch (Exception e) when (e is IOException or SocketException)
        {
            await app.DisposeAsync();
            thread.Dispose();
            throw new IOException(
                $"Port {options.Port} of {options.Listen} cannot be used: {e.Message} Give another one, or 0 for any free one.",
                e
            );
        }

        return new PageServer(app, thread, Reachable(new Uri(app.Urls.First()), options.Listen));
    }

    public async ValueTask DisposeAsync()
    {
        await app.StopAsync();
        await app.DisposeAsync();
        thread.Dispose();
    }

    private static WebApplication Build(PageOptions options, IObjectStore store, ILiveRuns live, TimeProvider time, BackgroundThread thread)
    {
        // Empty: nothing is read from files or variables that happen to be where it is started.
        var builder = WebApplication.CreateEmptyBuilder(new WebApplicationOptions { ContentRootPath = AppContext.BaseDirectory });
        var connections = new HeldConnections(RequestLimits.MostConnections);
        builder
            .WebHost.UseKestrelCore()
            .ConfigureKestrel(kestrel =>
            {
                RequestLimits.Apply(kestrel);
                kestrel.Listen(options.Listen, options.Port, connections.Use);
            });
        // Signals are its host's.
        builder.Services.AddSingleton<IHostLifetime, NoLifetime>();
        PageApp.AddTo(builder.Services, options, store, live, time);
        var app = builder.Build();
        connections.Use(app);
        thread.Use(app);
        PageApp.UseIn(app);
        return app;
    }

    /// <summary>0.0.0.0 is no address to type in.</summary>
    private static Uri Reachable(Uri bound, IPAddress listen) =>
        listen.Equals(IPAddress.Any) || listen.Equals(IPAddress.IPv6Any) ? new UriBuilder(bound) { Host = "127.0.0.1" }.Uri : bound;

    private sealed class NoLifetime : IHostLifetime
    {
        public Task WaitForStartAsync(CancellationToken cancellationToken) => Task.CompletedTask;

        public Task StopAsync(CancellationToken cancellationToken) => Task.CompletedTask;
    }
}
