using System.Globalization;
using System.Runtime.InteropServices;
using System.Security.Cryptography;
using Slowrun.Core;
using Slowrun.Core.Tokens;
using Slowrun.Storage.Directories;

namespace Slowrun.Storage.Tokens;

/// <summary>
/// Makes a directory of prepared data: token files, then their manifest. It is written under another name beside its own, and renamed
/// when every byte is on the disk: whole, or not there.
/// </summary>
public sealed class DataDirectoryWriter : IDisposable
{
    private readonly string target;
    private readonly string temporary;
    private readonly Dictionary<string, TokenFileWriter> sets = new(StringComparer.Ordinal);
    private bool finished;

    private DataDirectoryWriter(string target, string temporary) => (this.target, this.temporary) = (target, temporary);

    public TokenFileWriter Train => Set(DataFiles.Train);

    public TokenFileWriter Fitness => Set(DataFiles.Fitness);

    public TokenFileWriter Validation => Set(DataFiles.Validation);

    /// <param name="target">Must not exist, or be empty; its parents are made.</param>
    /// <exception cref="IOException">There is something at <paramref name="target"/>, or nothing can be written there.</exception>
    public static DataDirectoryWriter Create(string target)
    {
        target = Path.TrimEndingDirectorySeparator(Path.GetFullPath(target));
        if (File.Exists(target) || (Directory.Exists(target) && Directory.EnumerateFileSystemEntries(target).Any()))
        {
            throw new IOException($"'{target}' exists already. Give another directory, or delete that one.");
        }

        var parent = Path.GetDirectoryName(target) ?? throw new IOException($"'{target}' cannot be written to: it is the root.");
        Directory.CreateDirectory(parent);
        var temporary = Path.Combine(
            parent,
            string.Create(CultureInfo.InvariantCulture, $".{Path.GetFileName(target)}.part-{Environment.ProcessId}-{Guid.NewGuid():N}")
        );
        Directory.CreateDirectory(temporary);
        return new DataDirectoryWriter(target, temporary);
    }

    /// <summary>Fills in what was written, and gives the directory its name.</summary>
    /// <param name="manifest">Everything but the sets' and the vocabulary's hashes.</param>
    /// <param name="tokenBytes">Null where the tokenizer's name says enough.</param>
    public DataManifest Finish(DataManifest manifest, IReadOnlyList<int>? tokenBytes)
    {
        ArgumentNullException.ThrowIfNull(manifest);
        manifest = manifest with
        {
            Train = Train.Finish(),
            Fitness = sets.GetValueOrDefault(DataFiles.Fitness)?.Finish(),
            Validation = sets.GetValueOrDefault(DataFiles.Validation)?.Finish(),
            TokenBytesSha256 = tokenBytes is null ? null : Write(DataFiles.TokenBytes, MemoryMarshal.AsBytes<int>([.. tokenBytes])),
        };
        Write(DataFiles.Manifest, CanonicalJson.Serialize(manifest));
        Posix.SyncDirectory(temporary);
        // Takes the place of an empty directory, and of nothing else.
        Posix.Rename(temporary, target);
        finished = true;
        Posix.SyncDirectory(Path.GetDirectoryName(target)!);
        return manifest;
    }

    public void Dispose()
    {
        foreach (var set in sets.Values)
        {
            set.Dispose();
        }

        if (!finished)
        {
            Directory.Delete(temporary, recursive: true);
        }
    }

    private TokenFileWriter Set(string name)
    {
        if (!sets.TryGetValue(name, out var set))
        {
            set = sets[name] = new TokenFileWriter(
                Path.Combine(temporary, DataFiles.Tokens(name)),
                Path.Combine(temporary, DataFiles.Documents(name))
            );
        }

        return set;
    }

    private string Write(string name, ReadOnlySpan<byte> content)
    {
        var path = Path.Combine(temporary, name);
        using var file = File.OpenHandle(path, FileMode.CreateNew, FileAccess.Write);
        RandomAccess.Write(file, content, 0);
        Posix.SyncFile(file, path);
        return Convert.ToHexStringLower(SHA256.HashData(content));
    }
}
