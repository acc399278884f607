using System.Net;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Routing;
using Microsoft.Extensions.Logging;
using Slowrun.Web.Access;

namespace Slowrun.Web.Hosting;

/// <summary>What the host of a web server configures: where it listens, who may use it, and what it serves.</summary>
public sealed record WebOptions
{
    /// <summary>Port 0: any free one.</summary>
    public IReadOnlyList<WebAddress> Addresses { get; init; } = [new(new IPEndPoint(IPAddress.Loopback, 0), ServesPage: true)];

    public AccessRules Access { get; init; } = new();

    /// <summary>Null: no page and no API.</summary>
    public PageSource? Page { get; init; }

    /// <summary>Middleware that answers without a token, before all limits.</summary>
    public Action<IApplicationBuilder> Before { get; init; } = _ => { };

    /// <summary>Maps the endpoint at <see cref="WebServer.MetricsPath"/>; null: there is none.</summary>
    public Func<IEndpointRouteBuilder, IEndpointConventionBuilder>? Metrics { get; init; }

    /// <summary>Of one core, in the long run.</summary>
    public double CpuShare { get; init; } = BackgroundThread.Share;

    /// <summary>Called with unexpected exceptions; the answer to the caller names no details.</summary>
    public Action<Exception> Trouble { get; init; } = _ => { };

    /// <summary>Where the framework logs its errors; null: nowhere.</summary>
    public ILoggerFactory? Logs { get; init; }

    /// <summary>The clock for wrong tokens and log-ins.</summary>
    public TimeProvider Time { get; init; } = TimeProvider.System;

    /// <exception cref="ArgumentException">There is no such port.</exception>
    public static IPEndPoint Endpoint(IPAddress address, int port) =>
        port is >= IPEndPoint.MinPort and <= IPEndPoint.MaxPort
            ? new IPEndPoint(address, port)
            : throw new ArgumentException($"{port} is no port; expected 0 to 65535.");

    /// <exception cref="ArgumentException">The server may not be started like this.</exception>
    public void Check()
    {
        if (Addresses.Count == 0)
        {
            throw new ArgumentException("A web server needs an address to listen on.");
        }

        foreach (var address in Addresses)
        {
            Access.Check(address.EndPoint.Address, Page is not null && address.ServesPage);
        }
    }
}
