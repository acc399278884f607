using Orleans.Concurrency;

namespace Slowrun.Grains.Interfaces;

/// <summary>
/// One silo, keyed by its address as <c>SiloAddress.ToParsableString</c> writes it, and placed there. Silos of older versions place it by a
/// placement hint for that silo.
/// </summary>
[Alias("slowrun.silo")]
public interface ISiloGrain : IGrainWithStringKey
{
    /// <summary>Lets the silo commit, release and leave; returns as soon as it has begun to.</summary>
    /// <returns>False where the grain was activated on another silo: call again.</returns>
    [Alias("Drain")]
    Task<bool> Drain();

    /// <summary>The silo's report about itself.</summary>
    /// <returns>Null where the grain was activated on another silo: call again.</returns>
    [Alias("Report")]
    Task<SiloReport?> Report();

    /// <summary>There is ready work: a silo with a free slot looks for it now. May be lost, or come twice.</summary>
    /// <param name="among">How many silos are woken for it: they ask one after another.</param>
    [OneWay]
    [AlwaysInterleave]
    [Alias("Wake")]
    Task Wake(int among);

    /// <summary>Another silo owes a notice of a run, and its environment lacks what the sending needs.</summary>
    /// <param name="notice">Its id.</param>
    /// <param name="receiver">The receiver's URL as the run's operations have it: <c>env:NAME</c>.</param>
    /// <returns>Whether this silo sends it.</returns>
    [AlwaysInterleave]
    [Alias("Notify")]
    Task<bool> Notify(string run, string notice, string receiver);
}
