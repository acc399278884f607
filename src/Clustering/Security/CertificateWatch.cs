using Microsoft.Extensions.Logging;

namespace Slowrun.Clustering.Security;

/// <summary>
/// Reads the store's certificate before the silo listens (and makes it where the store is new), and again now and then: so that a silo
/// without connections gets a new one too.
/// </summary>
internal sealed partial class CertificateWatch(ClusterCertificates certificates, TimeProvider time, ILogger<CertificateWatch> log)
    : ILifecycleParticipant<ISiloLifecycle>
{
    /// <summary>For how long at most a silo that could not be notified accepts a revoked certificate.</summary>
    public static readonly TimeSpan Every = TimeSpan.FromMinutes(5);

    // Orleans listens from one before RuntimeInitialize on.
    private const int BeforeListening = ServiceLifecycleStage.RuntimeInitialize - 2;

    public void Participate(ISiloLifecycle lifecycle)
    {
        var stopping = new CancellationTokenSource();
        lifecycle.Subscribe(
            nameof(CertificateWatch),
            BeforeListening,
            async start =>
            {
                await certificates.LoadOrMakeAsync(start);
                _ = RepeatAsync(stopping.Token);
            },
            _ => stopping.CancelAsync()
        );
    }

    private async Task RepeatAsync(CancellationToken stopping)
    {
        using var timer = new PeriodicTimer(Every, time);
        try
        {
            while (await timer.WaitForNextTickAsync(stopping))
            {
                await LookAsync(stopping);
            }
        }
        catch (OperationCanceledException)
        {
            // The silo stops.
        }
    }

    private async Task LookAsync(CancellationToken stopping)
    {
        try
        {
            await certificates.LoadOrMakeAsync(stopping);
        }
        catch (Exception e) when (e is IOException or InvalidDataException or TimeoutException)
        {
            // The known certificate stays valid: connections and calls go on.
            LogNotRead(log, e.Message);
        }
    }

    [LoggerMessage(
        Level = LogLevel.Warning,
        Message = "The store's certificate could not be read again; the known one stays in use: {Reason}"
    )]
    private static partial void LogNotRead(ILogger logger, string reason);
}
