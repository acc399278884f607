using System.Security.Cryptography;
using Slowrun.Core;
using Slowrun.Core.Tokens;

namespace Slowrun.Storage.Tokens;

/// <summary>A directory of prepared data, as <see cref="DataDirectoryWriter"/> makes them.</summary>
public sealed class DataDirectory
{
    private readonly string path;
    private readonly byte[] content;

    private DataDirectory(string path, byte[] content, DataManifest manifest) =>
        (this.path, this.content, Manifest) = (path, content, manifest);

    public DataManifest Manifest { get; }

    /// <summary>SHA-256 of the manifest's canonical bytes: the recipe's data hash.</summary>
    public string Sha256 => Convert.ToHexStringLower(SHA256.HashData(content));

    /// <exception cref="InvalidDataException">It is no such directory, or a file of it has another length than its manifest
    /// says.</exception>
    public static DataDirectory Open(string path)
    {
        ArgumentNullException.ThrowIfNull(path);
        var file = Path.Combine(path, DataFiles.Manifest);
        if (!File.Exists(file))
        {
            throw new InvalidDataException(
                $"'{path}' holds no prepared data: there is no '{DataFiles.Manifest}' in it. 'slowrun data prepare --out {path}' makes one."
            );
        }

        var content = File.ReadAllBytes(file);
        var manifest = CanonicalJson.Deserialize<DataManifest>(content, file);
        if (!CanonicalJson.Serialize(manifest).AsSpan().SequenceEqual(content))
        {
            throw new InvalidDataException($"'{file}' was edited: it is not as 'slowrun data prepare' writes it. Prepare the data again.");
        }

        foreach (var (name, _, lengthBytes) in DataFiles.Of(manifest))
        {
            var found = new FileInfo(Path.Combine(path, name));
            if (!found.Exists || found.Length != lengthBytes)
            {
                throw new InvalidDataException(
                    $"'{found.FullName}' {(found.Exists ? $"has {found.Length} bytes" : "is missing")}; its manifest says {lengthBytes} bytes. Prepare the data again."
                );
            }
        }

        return new DataDirectory(path, content, manifest);
    }

    /// <summary>Reads one of the manifest's sets into memory, verified.</summary>
    /// <exception cref="InvalidDataException">Its files are damaged, or hold no token set.</exception>
    public Task<TokenSet> ReadAsync(StoredTokens tokens, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(tokens);
        return new Files(this).ReadSetAsync(Manifest, tokens, cancellationToken);
    }

    /// <summary>Puts the directory into a store, as far as it is not there yet: files first, their manifest last.</summary>
    /// <returns>The recipe's data hash.</returns>
    /// <exception cref="InvalidDataException">A file is damaged; nothing of it was uploaded.</exception>
    public async Task<string> UploadAsync(IObjectStore store, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(store);
        foreach (var (name, sha256, _) in DataFiles.Of(Manifest))
        {
            var file = OpenFile(name);
            await using (file.ConfigureAwait(false))
            {
                // Read twice: under a name that is a hash there must never be other bytes, not even for a while.
                await VerifyAsync(file, name, sha256, cancellationToken).ConfigureAwait(false);
                file.Position = 0;
                await store.TryCreateAsync(DataPaths.Of(sha256), file, cancellationToken).ConfigureAwait(false);
            }
        }

        using var manifest = new MemoryBlocksStream(content);
        await store.TryCreateAsync(DataPaths.Of(Sha256), manifest, cancellationToken).ConfigureAwait(false);
        return Sha256;
    }

    private InvalidDataException Damaged(string name, string found, string sha256) =>
        new($"'{Path.Combine(path, name)}' is damaged: its SHA-256 is {found}, its manifest says {sha256}. Prepare the data again.");

    private FileStream OpenFile(string name) =>
        new(Path.Combine(path, name), FileMode.Open, FileAccess.Read, FileShare.Read, bufferSize: 0, useAsync: false);

    private async Task VerifyAsync(FileStream file, string name, string sha256, CancellationToken cancellationToken)
    {
        var found = Convert.ToHexStringLower(await SHA256.HashDataAsync(file, cancellationToken).ConfigureAwait(false));
        if (found != sha256)
        {
            throw Damaged(name, found, sha256);
        }
    }

    private sealed class Files(DataDirectory directory) : DataReader
    {
        private readonly ILookup<string, string> names = DataFiles.Of(directory.Manifest).ToLookup(file => file.Sha256, file => file.Name);

        public override async Task<T[]> ReadAsync<T>(string sha256, CancellationToken cancellationToken)
        {
            var file = directory.OpenFile(names[sha256].First());
            await using (file.ConfigureAwait(false))
            {
                return await ReadAsync<T>(file, sha256, cancellationToken).ConfigureAwait(false);
            }
        }

        protected override string NameOf(string sha256) => Path.Combine(directory.path, names[sha256].First());

        protected override InvalidDataException Damaged(string sha256, string found) =>
            directory.Damaged(names[sha256].First(), found, sha256);
    }
}
