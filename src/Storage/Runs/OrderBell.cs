using System.Security.Cryptography;
using System.Text;

namespace Slowrun.Storage.Runs;

/// <summary>
/// One small object that everybody writes who has changed what is wanted of a run: silos read it instead of every run's documents. It is a
/// hint: what it failed to tell is found when the documents are read anyway, within a minute or as many as there are runs at rest.
/// </summary>
public static class OrderBell
{
    private const string Name = "cluster/orders";

    /// <summary>Tells silos to look. Never fails for the store's sake: the order itself is durable.</summary>
    public static async Task RingAsync(IObjectStore store, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(store);
        try
        {
            await store
                .WriteAsync(Name, Encoding.ASCII.GetBytes(RandomNumberGenerator.GetHexString(32, lowercase: true)), cancellationToken)
                .ConfigureAwait(false);
        }
        catch (IOException) { }
    }

    /// <summary>Another one after every ring; null: it was never rung.</summary>
    public static async Task<string?> ListenAsync(IObjectStore store, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(store);
        // Whatever is written there, whole or not: that it changed is all it says.
        return (await store.TryReadAsync(Name, cancellationToken).ConfigureAwait(false))?.ETag;
    }
}
