using System.Security.Cryptography;
using System.Text;

namespace Slowrun.Storage.Runs;

/// <summary>
/// One small object that is written after every change of a run's spec, intent or operations: silos read it instead of every run's
/// documents. It is a hint: a change whose ring is lost is found by the regular readings, within a minute, or half a minute for each run at
/// rest.
/// </summary>
public static class OrderBell
{
    private const string Name = "cluster/orders";

    /// <summary>Makes silos read the documents. Does not throw where the store fails: the change itself is durable.</summary>
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
        // The content does not matter, nor whether it is whole: a new etag is the signal.
        return (await store.TryReadAsync(Name, cancellationToken).ConfigureAwait(false))?.ETag;
    }
}
