using Orleans.Runtime.Placement;

namespace Slowrun.Grains.Placement;

/// <summary>
/// Activates a silo's grain on the silo of its key, and work on the silo whose slots are offered (the placement hint of the call). A silo
/// that this one does not see in the cluster is replaced by this one: the grain then reports that it is not on the named silo.
/// </summary>
internal sealed class NamedSiloDirector : IPlacementDirector
{
    /// <summary>Keyed by the silo's address.</summary>
    public const string KeyedBySilo = "silo";

    public Task<SiloAddress> OnAddActivation(PlacementStrategy strategy, PlacementTarget target, IPlacementContext context)
    {
        var compatible = context.GetCompatibleSilos(target);
        // Parsed once: of hundreds of silos each would have to be written out to be compared.
        var key = target.GrainIdentity.Type.ToString() == KeyedBySilo ? SiloOf(target.GrainIdentity.Key.ToString()!) : null;
        var named =
            target.GrainIdentity.Type.ToString() == KeyedBySilo
                ? compatible.FirstOrDefault(silo => silo.Equals(key))
                : IPlacementDirector.GetPlacementHint(target.RequestContextData, compatible);
        return Task.FromResult(
            named ?? (compatible.Contains(context.LocalSilo) ? context.LocalSilo : compatible[Random.Shared.Next(compatible.Length)])
        );
    }

    /// <returns>Null where the key is no address.</returns>
    private static SiloAddress? SiloOf(string key)
    {
        try
        {
            return SiloAddress.FromParsableString(key);
        }
        catch (Exception e) when (e is FormatException or OverflowException or ArgumentException)
        {
            return null;
        }
    }
}
