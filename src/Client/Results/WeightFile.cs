using System.Security.Cryptography;
using Slowrun.Core.Stages;
using Slowrun.Core.Tensors;
using Slowrun.Storage;
using Slowrun.Storage.Safetensors;

namespace Slowrun.Client.Results;

/// <summary>A snapshot as a file of its own.</summary>
/// <param name="Models">Prefixes of tensor names, one a model: the empty one, and those of earlier models where the snapshot holds
/// some.</param>
internal sealed record WeightFile(string Path, long LengthBytes, string Sha256, IReadOnlyList<string> Models)
{
    private const int BlockBytes = 1 << 20;

    /// <summary>Writes it, verified. The file is whole under its name, or not there.</summary>
    /// <param name="type">F32: the snapshot's own bytes. BF16: rounded.</param>
    /// <param name="model">One of its models alone, by its prefix, as <see cref="SafetensorsCopy"/> writes it; null: all.</param>
    /// <exception cref="InvalidDataException">The snapshot is missing or damaged.</exception>
    public static async Task<WeightFile> WriteAsync(
        IObjectStore store,
        SnapshotRef snapshot,
        string path,
        ElementType type,
        CancellationToken stop,
        string? model = null
    )
    {
        var temporary = $"{path}.part";
        try
        {
            await using (var target = File.Create(temporary))
            {
                await CopyAsync(store, snapshot, target, type, model, stop);
            }

            var file = await DescribeAsync(temporary, type == ElementType.F32 && model is null ? snapshot.Sha256 : null, stop);
            File.Move(temporary, path, overwrite: true);
            return file with { Path = path };
        }
        finally
        {
            File.Delete(temporary);
        }
    }

    /// <summary>Prefixes of the models in a snapshot, the last model's empty one first.</summary>
    /// <exception cref="InvalidDataException">The snapshot is missing or damaged.</exception>
    public static async Task<IReadOnlyList<string>> ModelsAsync(IObjectStore store, SnapshotRef snapshot, CancellationToken stop)
    {
        await using var file = await OpenAsync(store, snapshot, stop);
        return SafetensorsCopy.ModelsOf(await SafetensorsReader.ReadHeaderAsync(file, file.Length, snapshot.Name, stop));
    }

    private static async Task<Stream> OpenAsync(IObjectStore store, SnapshotRef snapshot, CancellationToken stop) =>
        await store.TryOpenAsync(snapshot.Name, cancellationToken: stop)
        ?? throw new InvalidDataException($"The snapshot '{snapshot.Name}' is missing from '{store.Address}'.");

    private static async Task CopyAsync(
        IObjectStore store,
        SnapshotRef snapshot,
        FileStream into,
        ElementType type,
        string? model,
        CancellationToken stop
    )
    {
        var found = await OpenAsync(store, snapshot, stop);
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        await using var source = new HashingReadStream(found, hash.AppendData);
        if (type == ElementType.BF16 || model is not null)
        {
            await SafetensorsCopy.WriteAsync(source, source.Length, snapshot.Name, into, type, model, stop);
        }
        else
        {
            await source.CopyToAsync(into, BlockBytes, stop);
        }

        var sha256 = Convert.ToHexStringLower(hash.GetCurrentHash());
        if (sha256 != snapshot.Sha256)
        {
            throw new InvalidDataException(
                $"The snapshot '{snapshot.Name}' is damaged or was exchanged: its SHA-256 is {sha256}. Nothing was written to '{into.Name[..^".part".Length]}'."
            );
        }
    }

    /// <param name="sha256">Where it is known.</param>
    private static async Task<WeightFile> DescribeAsync(string path, string? sha256, CancellationToken stop)
    {
        await using var file = File.OpenRead(path);
        var header = await SafetensorsReader.ReadHeaderAsync(file, file.Length, path, stop);
        file.Position = 0;
        sha256 ??= Convert.ToHexStringLower(await SHA256.HashDataAsync(file, stop));
        return new WeightFile(path, file.Length, sha256, SafetensorsCopy.ModelsOf(header));
    }
}
