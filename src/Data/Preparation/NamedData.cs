using Slowrun.Core;
using Slowrun.Core.Tokens;
using Slowrun.Storage;
using Slowrun.Storage.Tokens;

namespace Slowrun.Data.Preparation;

/// <summary>Data that a command line names: by a directory, or by the hash under which a store has it.</summary>
public sealed class NamedData
{
    private readonly DataDirectory? directory;
    private readonly StoredTokenSets? stored;

    private NamedData(string sha256, DataManifest manifest, DataDirectory? directory, StoredTokenSets? stored) =>
        (Sha256, Manifest, this.directory, this.stored) = (sha256, manifest, directory, stored);

    public string Sha256 { get; }

    public DataManifest Manifest { get; }

    /// <param name="store">Asked for only where <paramref name="name"/> is a hash.</param>
    /// <exception cref="NotFoundException">There is neither.</exception>
    /// <exception cref="InvalidDataException">It is damaged.</exception>
    public static async Task<NamedData> OpenAsync(string name, Func<Task<IObjectStore>> store, CancellationToken stop)
    {
        if (Directory.Exists(name))
        {
            var directory = DataDirectory.Open(name);
            return new NamedData(directory.Sha256, directory.Manifest, directory, null);
        }

        if (!CanonicalJson.IsSha256(name))
        {
            throw new NotFoundException(
                $"'{name}' is neither a directory nor a data hash (64 lower-case hex digits). 'slowrun data prepare' makes either."
            );
        }

        var stored = new StoredTokenSets(await store());
        return new NamedData(name, await stored.ReadManifestAsync(name, stop), null, stored);
    }

    /// <summary>One of the manifest's sets, verified.</summary>
    public async Task<TokenSet> ReadAsync(StoredTokens tokens, CancellationToken stop) =>
        directory is not null ? await directory.ReadAsync(tokens, stop) : await stored!.ReadAsync(Manifest, tokens, stop);

    /// <summary>Puts a directory's data into a store that does not have it; what a hash names is there already.</summary>
    public async Task UploadAsync(IObjectStore store, CancellationToken stop)
    {
        if (directory is not null)
        {
            await directory.UploadAsync(store, stop);
        }
    }
}
