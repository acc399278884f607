using System.Security.Cryptography;
using Slowrun.Clustering.Hosting;
using Slowrun.Storage;

namespace Slowrun.Clustering.Membership;

/// <summary>What a store says of its cluster, for those that are to be part of it or to connect to it.</summary>
/// <param name="Id">
/// Random, and another one for each store: silos and clients refuse connections of other clusters, so that one of another store which has got the
/// address of a silo that is gone is not taken for it.
/// </param>
public sealed record StoreCluster(string Id)
{
    /// <summary>For a silo: gives the store an id where it has none yet. Silos that start at once agree, by compare-and-swap.</summary>
    public static async Task<StoreCluster> FoundAsync(IObjectStore store, CancellationToken cancellationToken = default)
    {
        var proposed = Convert.ToHexStringLower(RandomNumberGenerator.GetBytes(16));
        var agreed = proposed;
        await new MembershipFile(store).ChangeAsync(
            document =>
            {
                agreed = document.ClusterId ?? proposed;
                return document.ClusterId is null ? document with { ClusterId = proposed } : document;
            },
            cancellationToken).ConfigureAwait(false);
        return new StoreCluster(agreed);
    }

    /// <summary>For a client, which writes nothing: a store without an id has no silo that could be connected to.</summary>
    public static async Task<StoreCluster> ReadAsync(IObjectStore store, CancellationToken cancellationToken = default) =>
        new((await new MembershipFile(store).ReadAsync(cancellationToken).ConfigureAwait(false)).ClusterId ?? ClusterTuning.ServiceId);
}
