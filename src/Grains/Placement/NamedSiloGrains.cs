using System.Diagnostics.CodeAnalysis;
using Orleans.Metadata;
using Orleans.Runtime.Placement;

namespace Slowrun.Grains.Placement;

/// <summary>
/// Which grains are placed by <see cref="NamedSilo"/>. Said here and not by an attribute: an attribute stands in the cluster's manifest,
/// and silos of an older build in the same cluster do not know the strategy.
/// </summary>
internal sealed class NamedSiloGrains : IPlacementStrategyResolver
{
    private static readonly NamedSilo Strategy = new();
    private static readonly GrainType[] Placed =
    [
        GrainType.Create("stage"),
        GrainType.Create("member"),
        GrainType.Create("ensemble"),
        GrainType.Create(NamedSiloDirector.KeyedBySilo),
    ];

    public bool TryResolvePlacementStrategy(
        GrainType grainType,
        GrainProperties? properties,
        [NotNullWhen(true)] out PlacementStrategy? result
    )
    {
        result = Placed.Contains(grainType) ? Strategy : null;
        return result is not null;
    }
}
