using System.Globalization;
using Slowrun.Grains.Slots;

namespace Slowrun.Silo.Hosting;

/// <summary>
/// Whether this silo does its work, as far as it can tell by itself. One that trains, waits, or cannot reach its store is healthy: a restart
/// would help none of them.
/// </summary>
internal sealed class SiloHealth(IClusterMembershipService membership, ILocalSiloDetails silo, LoopPulse pulse)
{
    // Between two beats lies at most the reading of one run or one offer. An operation of the store is given up after two minutes.
    private static readonly TimeSpan LongestSilence = TimeSpan.FromMinutes(5);

    /// <summary>A sentence for people; null: healthy.</summary>
    public string? Trouble
    {
        get
        {
            var status = membership.CurrentSnapshot.GetSiloStatus(silo.SiloAddress);
            return (status, pulse.Silence) switch
            {
                (not SiloStatus.Active, _) => $"It is no member of its cluster (status {status}).",
                (_, null) => "Its slot loop has not begun.",
                (_, { } silence) when silence > LongestSilence => string.Create(
                    CultureInfo.InvariantCulture, $"Its slot loop has been silent for {silence.TotalSeconds:F0} s."),
                _ => null,
            };
        }
    }
}
