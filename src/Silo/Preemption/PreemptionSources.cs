namespace Slowrun.Silo.Preemption;

/// <summary>The source that a silo's options ask for.</summary>
internal sealed partial class PreemptionSources(PreemptionSettings settings, TimeProvider time, ILogger<PreemptionSources> log)
    : IDisposable
{
    // A service that has only just been started with its machine.
    private const int Looks = 3;
    private static readonly TimeSpan BetweenLooks = TimeSpan.FromSeconds(3);

    private IDisposable? opened;

    /// <returns>Null where this machine is of no platform that is known.</returns>
    public async Task<IPreemptionSource?> OpenAsync(CancellationToken cancellationToken)
    {
        var platform = settings.Platform;
        if (platform is Platform.Auto)
        {
            if (await SearchAsync(cancellationToken) is not { } found)
            {
                return null;
            }

            platform = found;
        }

        IPreemptionSource source = platform switch
        {
            Platform.Aws => new SpotInstanceActions(settings.Service, time),
            Platform.Gcp => new ComputeMetadata(settings.Service, time),
            _ => new ScheduledEvents(settings.Service, time),
        };
        opened = source as IDisposable;
        return source;
    }

    public void Dispose() => opened?.Dispose();

    private async Task<Platform?> SearchAsync(CancellationToken cancellationToken)
    {
        IReadOnlyList<Platform> found = [];
        for (var look = 1; look <= Looks && found.Count == 0; look++)
        {
            if (look > 1)
            {
                await Task.Delay(BetweenLooks, time, cancellationToken);
            }

            found = await PlatformSearch.FindAsync(settings.Service, time, cancellationToken);
        }

        var sentence = PlatformSearch.Sentence(found, settings.Service.Address);
        if (found.Count == 1)
        {
            LogFound(log, sentence);
            return found[0];
        }

        LogNotFound(log, sentence);
        return null;
    }

    [LoggerMessage(Level = LogLevel.Information, Message = "{Sentence}")]
    private static partial void LogFound(ILogger logger, string sentence);

    [LoggerMessage(Level = LogLevel.Warning, Message = "{Sentence}")]
    private static partial void LogNotFound(ILogger logger, string sentence);
}
