using Orleans.Metadata;
using Slowrun.Grains.Interfaces;

namespace Slowrun.Grains.Runs;

/// <summary>
/// Which silos understand a wake. A silo of an older version would log an error for each wake, and the work would wait although other silos
/// are free. Every silo's manifest says it (<see cref="Said"/>), so that it is also known of silos that have never asked.
/// </summary>
internal sealed class WakeableSilos(IClusterManifestProvider manifests)
{
    private const string Property = "slowrun.can-be-woken";

    private (ClusterManifest Of, IReadOnlySet<string> Silos)? last;

    /// <summary>Their addresses.</summary>
    public IReadOnlySet<string> Now
    {
        get
        {
            var current = manifests.Current;
            if (last is not { } known || known.Of != current)
            {
                last = known = (current, In(current));
            }

            return known.Silos;
        }
    }

    internal static IReadOnlySet<string> In(ClusterManifest manifest) =>
        manifest
            .Silos.Where(silo => silo.Value.Interfaces.Values.Any(one => one.Properties.ContainsKey(Property)))
            .Select(silo => silo.Key.ToParsableString())
            .ToHashSet(StringComparer.Ordinal);

    /// <summary>Says in this silo's manifest that it can be woken.</summary>
    internal sealed class Said : IGrainInterfacePropertiesProvider
    {
        public void Populate(Type interfaceType, GrainInterfaceType grainInterfaceType, Dictionary<string, string> properties)
        {
            if (interfaceType == typeof(ISiloGrain))
            {
                properties[Property] = bool.TrueString;
            }
        }
    }
}
