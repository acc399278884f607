using System.Collections.Concurrent;
using System.Text;
using Azure.Storage.Blobs;
using Orleans.Storage;
using Slowrun.Core;
using Slowrun.Storage;

namespace Slowrun.Clustering.Persistence;

/// <summary>
/// What Microsoft's <see cref="AzureBlobGrainStorage"/> is given, so that it keeps grain states as the store's documents: it asks for a
/// container and a blob, and gets the object that clients read too, with the store's retries, limits, monitoring and messages. Each blob
/// goes through <see cref="GrainBlob"/>.
/// </summary>
/// <param name="container">As the provider names it in its messages.</param>
/// <param name="objectName">Object for (state name, grain).</param>
internal sealed class GrainBlobs(IObjectStore store, string container, Func<string, GrainId, string> objectName)
    : IBlobContainerFactory,
        IGrainStorageSerializer
{
    // A serializer does not know which blob it reads, but its errors have to name it: name and etag precede the content, each on a separate
    // line.
    private const byte LineEnd = (byte)'\n';

    // Etags of documents that were read and could not be understood.
    private readonly ConcurrentDictionary<string, string> damaged = new(StringComparer.Ordinal);

    public string Container => container;

    // The container exists since the store was opened.
    public Task InitializeAsync(BlobServiceClient client) => Task.CompletedTask;

    public BlobContainerClient GetBlobContainerClient(GrainId grainId) => new GrainContainer(this, grainId);

    public BinaryData Serialize<T>(T? input) => new(CanonicalJson.Serialize(input));

    /// <exception cref="InvalidDataException">The document is damaged, or of another type; the message names it.</exception>
    public T Deserialize<T>(BinaryData input)
    {
        var bytes = input.ToMemory().Span;
        var (name, afterName) = Line(bytes, 0);
        var (etag, afterEtag) = Line(bytes, afterName);
        try
        {
            var value = SealedJson.Deserialize<T>(name, bytes[afterEtag..], $"{store.Address}: {name}");
            damaged.TryRemove(name, out _);
            return value;
        }
        catch (InvalidDataException e) when (!NewerDocument.IsRefusal(e))
        {
            damaged[name] = etag;
            throw;
        }
    }

    /// <summary>
    /// The provider's blob for a state of a grain, whose name is a convention of its own: <c>STATE-TYPE/KEY.json</c>.
    /// </summary>
    internal GrainBlob Blob(string blobName, GrainId grain)
    {
        var ending = $"-{grain}.json";
        return blobName.EndsWith(ending, StringComparison.Ordinal)
            ? new GrainBlob(this, store, objectName(blobName[..^ending.Length], grain))
            : throw new NotSupportedException(
                $"Microsoft's grain storage asked for the blob '{blobName}' of grain {grain}; expected 'STATE{ending}'. This version of the package names its blobs "
                    + "in another way: use the one that Directory.Packages.props names."
            );
    }

    /// <summary>The input of <see cref="Deserialize"/>. If it cannot be parsed, the next write replaces exactly this document, whatever
    /// etag the provider has.</summary>
    internal static byte[] Named(string name, StoredObject found) =>
        [.. Encoding.UTF8.GetBytes(name), LineEnd, .. Encoding.UTF8.GetBytes(found.ETag), LineEnd, .. found.Content.Span];

    private static (string Text, int After) Line(ReadOnlySpan<byte> bytes, int from)
    {
        var length = bytes[from..].IndexOf(LineEnd);
        return (Encoding.UTF8.GetString(bytes.Slice(from, length)), from + length + 1);
    }

    /// <summary>
    /// The provider has no etag of a document that it could not read, so that a living owner could never write over a damaged one. This is
    /// that document's etag; null: the last one was read.
    /// </summary>
    internal string? DamagedEtag(string name) => damaged.GetValueOrDefault(name);

    internal void Settled(string name) => damaged.TryRemove(name, out _);

    private sealed class GrainContainer(GrainBlobs blobs, GrainId grain) : BlobContainerClient
    {
        public override string Name => blobs.Container;

        public override BlobClient GetBlobClient(string blobName) => blobs.Blob(blobName, grain);
    }
}
