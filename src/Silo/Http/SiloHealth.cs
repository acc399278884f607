using System.Globalization;
using Slowrun.Grains.Slots;
using Slowrun.Grains.Telemetry;

namespace Slowrun.Silo.Http;

/// <summary>
/// Whether this silo works, as far as it can detect itself. A silo that trains, waits, leaves, or cannot reach its store is healthy: a
/// restart would not help.
/// </summary>
internal sealed class SiloHealth(
    IClusterMembershipService membership,
    ILocalSiloDetails silo,
    LoopPulse pulse,
    LocalWork local,
    IHostApplicationLifetime lifetime
)
{
    // Between two beats lies at most the reading of one run or one offer. An operation of the store is given up after two minutes.
    private static readonly TimeSpan LongestSilence = TimeSpan.FromMinutes(5);

    /// <summary>A sentence for people; null: healthy.</summary>
    public string? Trouble =>
        IsLeaving
            ? null
            : (membership.CurrentSnapshot.GetSiloStatus(silo.SiloAddress), pulse.Silence) switch
            {
                (not SiloStatus.Active and var status, _) => $"It is no member of its cluster (status {status}).",
                (_, null) => "Its slot loop has not begun.",
                (_, { } silence) when silence > LongestSilence => string.Create(
                    CultureInfo.InvariantCulture,
                    $"Its slot loop has been silent for {silence.TotalSeconds:F0} s."
                ),
                _ => Hung,
            };

    /// <summary>Why it takes no work now, for people; null: it does.</summary>
    public string? NotReady => IsLeaving ? "It leaves." : Trouble;

    /// <summary>Whether grains can be called.</summary>
    public bool IsInCluster => membership.CurrentSnapshot.GetSiloStatus(silo.SiloAddress) is SiloStatus.Active or SiloStatus.ShuttingDown;

    /// <summary>It commits, releases and ends; there is no time limit here.</summary>
    private bool IsLeaving => local.Stops || lifetime.ApplicationStopping.IsCancellationRequested;

    private static string? Hung =>
        StageTelemetry
            .OfLiving.Select(owner =>
                owner.View?.Hung is { } silence
                    ? string.Create(
                        CultureInfo.InvariantCulture,
                        $"The trainer of {owner.Run}/{owner.Stage} has done no step for {silence.TotalSeconds:F0} s."
                    )
                    : null
            )
            .FirstOrDefault(trouble => trouble is not null);
}
