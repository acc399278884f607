using System.Globalization;
using Slowrun.Core;
using Slowrun.Core.Plan;
using Slowrun.Core.Stages;
using Slowrun.Core.Tensors;
using Slowrun.Storage.Runs;
using Slowrun.Storage.Safetensors;

namespace Slowrun.Storage.Checkpoints;

/// <summary>Writes a checkpoint's parts, then its manifest. It counts only once a root names it (<see cref="RootCommit"/>).</summary>
public sealed class CheckpointWriter(IObjectStore store, TimeProvider time)
{
    /// <summary>Name of the manifest within a checkpoint's folder.</summary>
    internal const string Manifest = "manifest.json";

    /// <summary>Tensors are grouped into parts of about this size: large enough to stream well, small enough to fetch again after an
    /// error.</summary>
    internal long PartBytes { get; init; } = DefaultPartBytes;

    private const long DefaultPartBytes = 1L << 30;

    /// <summary>What a checkpoint of such tensors takes in the store, its manifest (a few hundred bytes) aside.</summary>
    public static long LengthBytes(IReadOnlyList<TensorLayout> tensors) =>
        Groups(tensors, tensor => tensor.LengthBytes, DefaultPartBytes).Sum(SafetensorsWriter.LengthBytes);

    /// <summary>
    /// Returns when everything is durable. May be called again with the same arguments after a failure: what is there already and equal
    /// is left.
    /// </summary>
    /// <param name="epochToken">Of the take on whose behalf it is written.</param>
    /// <param name="tensors">Unchanged until this returns.</param>
    /// <exception cref="InvalidDataException">The folder holds other bytes under the same names.</exception>
    public async Task<CheckpointRef> WriteAsync(
        string run,
        StageId stage,
        long epochToken,
        int step,
        StageIdentity identity,
        IReadOnlyList<TensorData> tensors,
        CancellationToken cancellationToken = default
    )
    {
        ArgumentNullException.ThrowIfNull(tensors);
        var folder = RunPaths.Checkpoint(run, stage, epochToken, step);
        var parts = new List<CheckpointPart>();
        foreach (var group in Groups(tensors, tensor => tensor.Bytes.Length, PartBytes))
        {
            var name = string.Create(CultureInfo.InvariantCulture, $"{folder}part-{parts.Count}.safetensors");
            parts.Add(await WritePartAsync(name, group, cancellationToken).ConfigureAwait(false));
        }

        // The manifest only after every part: who sees it may rely on them.
        var manifest = CanonicalJson.Serialize(
            new CheckpointManifest
            {
                Run = run,
                Stage = stage.ToString(),
                Step = step,
                EpochToken = epochToken,
                Identity = identity,
                Parts = parts,
            }
        );
        var hash = ContentHash.Of(manifest);
        using (var content = new MemoryBlocksStream(manifest))
        {
            await ImmutableObjects.CreateAsync(store, folder + Manifest, content, hash, cancellationToken).ConfigureAwait(false);
        }

        return new CheckpointRef(folder + Manifest, hash, step, epochToken, parts.Sum(part => part.LengthBytes), time.GetUtcNow());
    }

    private async Task<CheckpointPart> WritePartAsync(string name, IReadOnlyList<TensorData> tensors, CancellationToken cancellationToken)
    {
        using var content = SafetensorsWriter.OpenRead(tensors);
        // Hashed from memory first, at several times the speed of any store: the hash is of what was meant, not of what was sent.
        var hash = await ContentHash.OfAsync(content, cancellationToken).ConfigureAwait(false);
        content.Position = 0;
        await ImmutableObjects.CreateAsync(store, name, content, hash, cancellationToken).ConfigureAwait(false);
        return new CheckpointPart(name, content.Length, hash);
    }

    private static IEnumerable<IReadOnlyList<T>> Groups<T>(IReadOnlyList<T> tensors, Func<T, long> lengthBytes, long partBytes)
    {
        var group = new List<T>();
        long bytes = 0;
        foreach (var tensor in tensors)
        {
            if (group.Count > 0 && bytes + lengthBytes(tensor) > partBytes)
            {
                yield return group;
                group = [];
                bytes = 0;
            }

            group.Add(tensor);
            bytes += lengthBytes(tensor);
        }

        yield return group;
    }
}
