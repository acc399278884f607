using System.Security.Cryptography;
using Slowrun.Storage;

namespace Slowrun.Clustering.Security;

/// <summary>Reads, makes and replaces <c>cluster/certificate</c>.</summary>
internal sealed class CertificateFile(IObjectStore store)
{
    public const string Name = "cluster/certificate";

    // Concurrent rotations are rare; so many conflicts in a row mean that the store refuses every write.
    private const int Rounds = 20;

    /// <returns>Null where there is none.</returns>
    /// <exception cref="InvalidDataException">It is damaged; the message says what to do.</exception>
    public async Task<StoreCertificates?> TryReadAsync(CancellationToken cancellationToken) =>
        await store.TryReadAsync(Name, cancellationToken).ConfigureAwait(false) is { } stored ? Parse(stored) : null;

    /// <summary>The store's certificate, made where there is none: of several silos that make one at once, one wins and the others take
    /// its.</summary>
    /// <exception cref="InvalidDataException">It is damaged; the message says what to do.</exception>
    public async Task<StoreCertificates> ReadOrMakeAsync(CancellationToken cancellationToken)
    {
        for (var round = 0; round < Rounds; round++)
        {
            if (await TryReadAsync(cancellationToken).ConfigureAwait(false) is { } found)
            {
                return found;
            }

            // Read again whether this one was written or another: an answer that was lost looks like a lost race.
            await store
                .TryCreateAsync(Name, SealedJson.Serialize(Name, ClusterCertificate.Make()), cancellationToken)
                .ConfigureAwait(false);
        }

        throw Refused();
    }

    /// <summary>Replaces the certificate by a new one in one conditional write, whatever is there: absent and damaged ones too.</summary>
    /// <param name="keepPrevious">Whether the one that is replaced stays accepted.</param>
    public async Task<StoreCertificates> RotateAsync(bool keepPrevious, CancellationToken cancellationToken)
    {
        var made = ClusterCertificate.Make();
        var mine = ClusterCertificate.Of(made).Sha256;
        for (var round = 0; round < Rounds; round++)
        {
            var stored = await store.TryReadAsync(Name, cancellationToken).ConfigureAwait(false);
            var old = stored is null ? null : TryParse(stored);
            if (old?.Current.Sha256 == mine)
            {
                // A lost race against this process's own write, whose answer was lost.
                return old;
            }

            var content = SealedJson.Serialize(Name, made with { PreviousSha256 = keepPrevious ? old?.Current.Sha256 : null });
            var written = stored is null
                ? await store.TryCreateAsync(Name, content, cancellationToken).ConfigureAwait(false)
                : await store.TryReplaceAsync(Name, content, stored.ETag, cancellationToken).ConfigureAwait(false);
            if (written is not null && await TryReadAsync(cancellationToken).ConfigureAwait(false) is { } now)
            {
                return now;
            }
        }

        throw Refused();
    }

    private IOException Refused() =>
        new(
            $"'{Name}' in {store.Address} was changed or deleted by others {Rounds} times while it was to be written. Check whether conditional writes to the store work at all (slowrun doctor)."
        );

    private StoreCertificates? TryParse(StoredObject stored)
    {
        try
        {
            return Parse(stored);
        }
        catch (InvalidDataException)
        {
            return null;
        }
    }

    private StoreCertificates Parse(StoredObject stored)
    {
        try
        {
            var document = SealedJson.Deserialize<CertificateDocument>(Name, stored.Content.Span);
            if (document.Format != CertificateDocument.CurrentFormat)
            {
                throw new InvalidDataException(
                    $"It has format {document.Format}, this version of slowrun reads {CertificateDocument.CurrentFormat}."
                );
            }

            return new StoreCertificates(ClusterCertificate.Of(document), document.PreviousSha256);
        }
        catch (Exception e) when (e is InvalidDataException or FormatException or CryptographicException or ArgumentException)
        {
            throw new InvalidDataException(
                $"'{Name}' in {store.Address} is no certificate: {e.Message} It only authenticates silos and clients, and holds nothing of any run: "
                    + "'slowrun cluster rotate-certificate' makes another, and silos that run take it over by themselves.",
                e
            );
        }
    }
}

/// <summary>What one reading of the document says.</summary>
/// <param name="PreviousSha256">Accepted too; null: none is.</param>
internal sealed record StoreCertificates(ClusterCertificate Current, string? PreviousSha256);
