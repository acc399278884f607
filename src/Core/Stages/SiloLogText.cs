namespace Slowrun.Core.Stages;

/// <summary>Parts of lines in a silo's log that other programs look for.</summary>
public static class SiloLogText
{
    /// <summary>Of a stage whose grain's activation ends while its runner is at work: the runner goes on; it should not happen.</summary>
    public const string ActivationEnds = "ends while it trains, and it trains on";
}
