using System.Net;
using Microsoft.Extensions.Logging;

namespace Slowrun.Clustering.Security;

/// <summary>Logs refused connections: the first at once, and then one line a minute, so that callers cannot fill the log. Safe to use from
/// any thread.</summary>
internal sealed partial class Strangers(TimeProvider time, ILogger<Strangers> log)
{
    public static readonly TimeSpan Every = TimeSpan.FromMinutes(1);

    private readonly Lock gate = new();
    private long? toldAt;
    private long untold;

    /// <param name="what">For example <c>A connection to the gateway port</c>.</param>
    public void Refused(string what, EndPoint? other, string why)
    {
        long others;
        lock (gate)
        {
            if (toldAt is { } at && time.GetElapsedTime(at) < Every)
            {
                untold++;
                return;
            }

            (others, untold, toldAt) = (untold, 0, time.GetTimestamp());
        }

        LogRefused(log, what, other?.ToString() ?? "an unknown address", why, others);
    }

    [LoggerMessage(
        Level = LogLevel.Warning,
        Message = "{What}, {Other}, was refused: {Why}. {Others} others were refused since the last such line."
    )]
    private static partial void LogRefused(ILogger logger, string what, string other, string why, long others);
}
