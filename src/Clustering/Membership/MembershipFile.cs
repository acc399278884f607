using Slowrun.Core;
using Slowrun.Storage;

namespace Slowrun.Clustering.Membership;

/// <summary>Reads and replaces <c>cluster/membership</c>.</summary>
internal sealed class MembershipFile(IObjectStore store)
{
    public const string Name = "cluster/membership";

    // Five silos that heartbeat at the same moment need five rounds at worst; far more means the store refuses everybody.
    private const int Rounds = 100;

    public async Task<MembershipDocument> ReadAsync(CancellationToken cancellationToken) =>
        (await ReadWithETagAsync(cancellationToken).ConfigureAwait(false)).Document;

    /// <summary>Replaces the document by <paramref name="change"/> of it, again from the start as often as another writer was faster.</summary>
    /// <param name="change">Pure; null: leave it as it is.</param>
    /// <returns>Whether the document was changed.</returns>
    public async Task<bool> ChangeAsync(Func<MembershipDocument, MembershipDocument?> change, CancellationToken cancellationToken)
    {
        for (var round = 0; round < Rounds; round++)
        {
            var (document, etag) = await ReadWithETagAsync(cancellationToken).ConfigureAwait(false);
            if (change(document) is not { } changed)
            {
                return false;
            }

            var bytes = CanonicalJson.Serialize(changed);
            var written = etag is null
                ? await store.TryCreateAsync(Name, bytes, cancellationToken).ConfigureAwait(false)
                : await store.TryReplaceAsync(Name, bytes, etag, cancellationToken).ConfigureAwait(false);
            if (written is not null)
            {
                return true;
            }

            await Task.Delay(Random.Shared.Next(5, 20 * Math.Min(round + 1, 10)), cancellationToken).ConfigureAwait(false);
        }

        throw new IOException($"'{Name}' in {store.Address} was changed by others {Rounds} times while this silo tried to change it. Are very many silos starting at once?");
    }

    private async Task<(MembershipDocument Document, string? ETag)> ReadWithETagAsync(CancellationToken cancellationToken)
    {
        var stored = await store.TryReadAsync(Name, cancellationToken).ConfigureAwait(false);
        return stored is null
            ? (new MembershipDocument(), null)
            : (CanonicalJson.Deserialize<MembershipDocument>(stored.Content.Span, Name), stored.ETag);
    }
}
