using System.Threading.RateLimiting;
using Microsoft.AspNetCore.Authorization;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.RateLimiting;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Slowrun.Web.Api;

namespace Slowrun.Web.Hosting;

/// <summary>Limits per caller, and in all: the page runs beside trainings, and must not take their time.</summary>
internal static class RequestLimits
{
    /// <summary>The largest request is a form with a token.</summary>
    public const int LargestBodyBytes = 4 << 10;

    public const int MostStreams = 64;
    private const int MostAtOnce = 16;
    private const int MostWaiting = 64;
    public const int MostConnections = 256;

    /// <summary>Name of the limit on readers of metrics: a collector asks every few seconds.</summary>
    public const string Scrapes = "scrapes";

    private const int MostScrapesAtOnce = 2;

    // A spec may arrive slowly, and its data be read slowly: meanwhile the pages are served.
    private const int MostSubmissionsAtOnce = 4;

    // A log-in needs no token, and its form may be sent slowly: this limit of its own keeps log-ins from taking the turns of logged-in
    // users.
    private const int MostLogInsAtOnce = 8;

    /// <summary>As many connections as <see cref="HeldConnections"/> allows.</summary>
    public static void Apply(KestrelServerOptions kestrel)
    {
        kestrel.AddServerHeader = false;
        kestrel.Limits.MaxRequestBodySize = LargestBodyBytes;
        kestrel.Limits.MaxRequestHeadersTotalSize = 16 << 10;
        kestrel.Limits.MaxRequestHeaderCount = 64;
        kestrel.Limits.RequestHeadersTimeout = TimeSpan.FromSeconds(10);
    }

    public static void Apply(RateLimiterOptions limits)
    {
        limits.GlobalLimiter = PartitionedRateLimiter.Create<HttpContext, string>(Partition);
        limits.AddPolicy(
            StreamApi.Limit,
            _ =>
                RateLimitPartition.GetConcurrencyLimiter(
                    StreamApi.Limit,
                    _ => new ConcurrencyLimiterOptions { PermitLimit = MostStreams, QueueLimit = 0 }
                )
        );
        limits.AddPolicy(
            Scrapes,
            _ =>
                RateLimitPartition.GetConcurrencyLimiter(
                    Scrapes,
                    _ => new ConcurrencyLimiterOptions { PermitLimit = MostScrapesAtOnce, QueueLimit = MostWaiting }
                )
        );
        limits.AddPolicy(
            SubmitApi.Limit,
            _ =>
                RateLimitPartition.GetConcurrencyLimiter(
                    SubmitApi.Limit,
                    _ => new ConcurrencyLimiterOptions { PermitLimit = MostSubmissionsAtOnce, QueueLimit = MostWaiting }
                )
        );
        limits.OnRejected = (rejected, _) =>
        {
            rejected.HttpContext.Response.Headers.RetryAfter = "5";
            return new ValueTask(
                Problem.WriteAsync(
                    rejected.HttpContext,
                    StatusCodes.Status429TooManyRequests,
                    "Too many requests at once. Try again in some seconds."
                )
            );
        };
    }

    /// <summary>The limit that a request counts against: streams (idle most of the time), metrics, submissions and log-ins have one each;
    /// all other requests share one.</summary>
    private static RateLimitPartition<string> Partition(HttpContext http)
    {
        var endpoint = http.GetEndpoint();
        if (endpoint?.Metadata.GetMetadata<EnableRateLimitingAttribute>() is { PolicyName: { } own })
        {
            return RateLimitPartition.GetNoLimiter(own);
        }

        return endpoint?.Metadata.GetMetadata<IAllowAnonymous>() is not null && HttpMethods.IsPost(http.Request.Method)
            ? RateLimitPartition.GetConcurrencyLimiter(
                "log-in",
                _ => new ConcurrencyLimiterOptions { PermitLimit = MostLogInsAtOnce, QueueLimit = 0 }
            )
            : RateLimitPartition.GetConcurrencyLimiter(
                "work",
                _ => new ConcurrencyLimiterOptions { PermitLimit = MostAtOnce, QueueLimit = MostWaiting }
            );
    }
}
