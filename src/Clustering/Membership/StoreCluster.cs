using System.Security.Cryptography;
using Slowrun.Storage;

namespace Slowrun.Clustering.Membership;

/// <summary>A store's cluster, for silos that join it and clients that connect to it.</summary>
/// <param name="Id"> Random, and another one for each store: silos and clients refuse connections of other clusters, so that a silo of
/// another store that has the address of a lost one is not mistaken for it.
/// </param>
public sealed record StoreCluster(string Id)
{
    /// <summary>Where the silos' rows stand.</summary>
    public ClusterPlace Place { get; init; } = ClusterPlace.Document;

    /// <summary>For a silo: gives the store an id, and notes the place, where it has none yet. Silos that start at once agree, by
    /// compare-and-swap.</summary>
    /// <param name="asked">Null: as the store says, by default its document.</param>
    /// <exception cref="StoreException">The store's cluster is elsewhere, or the store takes no writes.</exception>
    public static async Task<StoreCluster> FoundAsync(
        IObjectStore store,
        ClusterPlace? asked,
        CancellationToken cancellationToken = default
    )
    {
        var proposed = Convert.ToHexStringLower(RandomNumberGenerator.GetBytes(16));
        var found = new MembershipDocument();
        var written = false;
        await new MembershipFile(store)
            .ChangeAsync(
                document =>
                {
                    // A store of an older version in which silos run has its cluster in the document.
                    var place = document.ClusterId is null && !document.Rows.Any(MayLive) ? asked : null;
                    found = document with
                    {
                        ClusterId = document.ClusterId ?? proposed,
                        Clustering = place is { Table: true } ? place.ToString() : document.Clustering,
                    };
                    written = document.ClusterId is null;
                    return written ? found : document;
                },
                cancellationToken
            )
            .ConfigureAwait(false);
        if (!written)
        {
            // Where a store takes no writes Orleans tries to join for two minutes, and then names no cause.
            await store.WriteAsync(MembershipFile.Probe, "{}"u8.ToArray(), cancellationToken).ConfigureAwait(false);
        }

        var cluster = Of(found, store);
        return asked is null || asked == cluster.Place
            ? cluster
            : throw new StoreException(
                StoreProblem.Unsuitable,
                $"The cluster of '{store.Address}' is kept by '{cluster.Place}', as its first silo was configured, not by '{asked}': two silos that look in two places find each other in neither. "
                    + $"Leave --clustering out; or stop every silo, delete '{MembershipFile.Name}', which lists only the silos that serve the store, and start them anew."
            );
    }

    /// <summary>As the store has it already, or in its document.</summary>
    public static Task<StoreCluster> FoundAsync(IObjectStore store, CancellationToken cancellationToken = default) =>
        FoundAsync(store, null, cancellationToken);

    /// <summary>For a client, which writes nothing: a store without an id has no silo that could be connected to.</summary>
    public static async Task<StoreCluster> ReadAsync(IObjectStore store, CancellationToken cancellationToken = default) =>
        Of(await new MembershipFile(store).ReadAsync(cancellationToken).ConfigureAwait(false), store);

    private static StoreCluster Of(MembershipDocument document, IObjectStore store)
    {
        try
        {
            return new(document.ClusterId ?? ClusterTuning.ServiceId)
            {
                Place = ClusterPlace.Parse(document.Clustering) ?? ClusterPlace.Document,
            };
        }
        catch (FormatException)
        {
            throw new InvalidDataException(
                $"'{MembershipFile.Name}' in {store.Address} says that the cluster is kept by '{document.Clustering}', which this version of slowrun does not know: use a newer one."
            );
        }
    }

    private static bool MayLive(MembershipRow row) =>
        row.Status is not (SiloStatus.Dead or SiloStatus.None) && row.Process?.IsGone() is not true;
}
