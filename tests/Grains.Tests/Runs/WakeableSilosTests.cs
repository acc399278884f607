using System.Collections.Immutable;
using System.Net;
using Orleans.Metadata;
using Slowrun.Grains.Interfaces;
using Slowrun.Grains.Runs;

namespace Slowrun.Grains.Tests.Runs;

/// <summary>Silos of older builds do not understand a wake, and their manifests do not say that they do.</summary>
public sealed class WakeableSilosTests
{
    [Fact]
    public void In_ACluster_OfTwoBuilds_IsThoseWhoseManifestSaysSo()
    {
        var (now, before) = (SiloAddress.New(IPAddress.Loopback, 1, 1), SiloAddress.New(IPAddress.Loopback, 2, 2));
        var said = new Dictionary<string, string>();
        new WakeableSilos.Said().Populate(typeof(ISiloGrain), GrainInterfaceType.Create("silo"), said);

        var manifest = new ClusterManifest(
            new MajorMinorVersion(1, 0),
            ImmutableDictionary<SiloAddress, GrainManifest>.Empty.Add(now, Of(said)).Add(before, Of([]))
        );

        Assert.Equal([now.ToParsableString()], WakeableSilos.In(manifest));
    }

    private static GrainManifest Of(Dictionary<string, string> properties) =>
        new(
            ImmutableDictionary<GrainType, GrainProperties>.Empty,
            ImmutableDictionary<GrainInterfaceType, GrainInterfaceProperties>.Empty.Add(
                GrainInterfaceType.Create("silo"),
                new GrainInterfaceProperties(properties.ToImmutableDictionary(StringComparer.Ordinal))
            )
        );
}
