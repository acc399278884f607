namespace Slowrun.Silo.Notices;

/// <summary>How patiently a notice is sent: by default for about half an hour, which most outages of a receiver do not take.</summary>
internal sealed record WebhookTries
{
    public TimeSpan EachTry { get; init; } = TimeSpan.FromSeconds(10);

    /// <summary>After the first try.</summary>
    public int Retries { get; init; } = 12;

    /// <summary>It doubles with each try.</summary>
    public TimeSpan FirstPause { get; init; } = TimeSpan.FromSeconds(2);

    public TimeSpan LongestPause { get; init; } = TimeSpan.FromMinutes(5);
}
