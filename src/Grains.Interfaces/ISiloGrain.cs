namespace Slowrun.Grains.Interfaces;

/// <summary>
/// One silo, keyed by its address as <c>SiloAddress.ToParsableString</c> writes it. To be called with a placement hint for that silo:
/// nothing else brings the grain there.
/// </summary>
[Alias("slowrun.silo")]
public interface ISiloGrain : IGrainWithStringKey
{
    /// <summary>Lets the silo commit, release and leave; returns as soon as it has begun to.</summary>
    /// <returns>False where the grain was activated on another silo: call again.</returns>
    [Alias("Drain")]
    Task<bool> Drain();

    /// <summary>What the silo knows of itself.</summary>
    /// <returns>Null where the grain was activated on another silo: call again.</returns>
    [Alias("Report")]
    Task<SiloReport?> Report();
}
