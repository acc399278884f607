using System.IO.Hashing;
using Slowrun.Core;
using Slowrun.Core.Plan;
using Slowrun.Core.Stages;
using Slowrun.Core.Tensors;
using Slowrun.Storage.Safetensors;

namespace Slowrun.Storage.Checkpoints;

/// <summary>Reads checkpoints and verifies every byte by a hash, up to the hash in the root.</summary>
public sealed class CheckpointReader(IObjectStore store)
{
    /// <summary>Parts of so many bytes are hashed on another thread; less is read and hashed before that one has begun.</summary>
    internal long HashedBehindFrom { get; init; } = 8 << 20;

    /// <summary>
    /// Reads the newest checkpoint of a root that is whole: the current one, else the one before. Damage is returned, not thrown; a store
    /// that does not answer is no damage, and throws.
    /// </summary>
    public async Task<RestoredCheckpoint> RestoreAsync(
        string run,
        StageId stage,
        StageRoot root,
        CancellationToken cancellationToken = default
    )
    {
        ArgumentNullException.ThrowIfNull(root);
        var damaged = new List<DamagedCheckpoint>();
        foreach (var checkpoint in new[] { root.Current, root.Previous }.OfType<CheckpointRef>())
        {
            try
            {
                var tensors = await ReadAsync(run, stage, checkpoint, root.Identity, null, cancellationToken).ConfigureAwait(false);
                return new RestoredCheckpoint(checkpoint, tensors, damaged);
            }
            catch (InvalidDataException e) when (!NewerDocument.IsRefusal(e))
            {
                damaged.Add(new DamagedCheckpoint(checkpoint, e.Message));
            }
        }

        return new RestoredCheckpoint(null, [], damaged);
    }

    /// <summary>Reads one checkpoint whole.</summary>
    /// <param name="identity">What it must be of, apart from the device it was trained on; null: anything.</param>
    /// <param name="destination">Where a tensor's bytes go; null: new memory for each.</param>
    /// <exception cref="InvalidDataException">An object is missing, damaged, or of something else; the message names it.</exception>
    public async Task<IReadOnlyList<TensorData>> ReadAsync(
        string run,
        StageId stage,
        CheckpointRef checkpoint,
        StageIdentity? identity,
        Func<TensorLayout, Memory<byte>>? destination = null,
        CancellationToken cancellationToken = default
    )
    {
        var manifest = await ReadManifestAsync(run, stage, checkpoint, identity, cancellationToken).ConfigureAwait(false);
        var tensors = new List<TensorData>();
        foreach (var part in manifest.Parts)
        {
            tensors.AddRange(await ReadPartAsync(part, destination, cancellationToken).ConfigureAwait(false));
        }

        return tensors;
    }

    /// <summary>Checks every byte of a checkpoint without holding it in memory.</summary>
    /// <exception cref="InvalidDataException">As <see cref="ReadAsync"/>.</exception>
    public async Task VerifyAsync(
        string run,
        StageId stage,
        CheckpointRef checkpoint,
        StageIdentity? identity,
        CancellationToken cancellationToken = default
    )
    {
        var manifest = await ReadManifestAsync(run, stage, checkpoint, identity, cancellationToken).ConfigureAwait(false);
        foreach (var part in manifest.Parts)
        {
            await HashedAsync(part, content => content.CopyToAsync(Stream.Null, 1 << 20, cancellationToken), cancellationToken)
                .ConfigureAwait(false);
        }
    }

    /// <summary>Reads a checkpoint's manifest.</summary>
    /// <exception cref="InvalidDataException">As <see cref="ReadAsync"/>, but of the manifest alone.</exception>
    public async Task<CheckpointManifest> ReadManifestAsync(
        string run,
        StageId stage,
        CheckpointRef checkpoint,
        StageIdentity? identity,
        CancellationToken cancellationToken = default
    )
    {
        ArgumentNullException.ThrowIfNull(checkpoint);
        var name = checkpoint.Manifest;
        var found =
            await store.TryReadAsync(name, cancellationToken).ConfigureAwait(false)
            ?? throw new InvalidDataException($"The manifest '{name}' is missing.");
        Expect(name, "XxHash128", ContentHash.Of(found.Content.Span), checkpoint.ManifestXxHash128);
        var manifest = SealedJson.Whole<CheckpointManifest>(found.Content.Span, name);
        Expect(name, "run", manifest.Run, run);
        Expect(name, "stage", manifest.Stage, stage.ToString());
        Expect(name, "step", manifest.Step, checkpoint.Step);
        Expect(name, "epoch token", manifest.EpochToken, checkpoint.EpochToken);
        if (identity is not null)
        {
            // The fingerprint may have been changed by `retry --adopt-device` since; the take has checked it.
            var its = manifest.Identity with
            {
                NumericsFingerprint = identity.NumericsFingerprint,
            };
            if (its != identity)
            {
                throw new InvalidDataException(
                    $"'{name}' is of another training than its stage: {string.Join("; ", IdentityDifferences.Between(identity, its))} ('then' is the stage's, 'now' the checkpoint's)."
                );
            }
        }

        return manifest;
    }

    /// <summary>Reads a part into memory that no other code has seen yet, so that it can be hashed while the next piece is read.</summary>
    private async Task<IReadOnlyList<TensorData>> ReadPartAsync(
        CheckpointPart part,
        Func<TensorLayout, Memory<byte>>? destination,
        CancellationToken cancellationToken
    )
    {
        if (part.LengthBytes < HashedBehindFrom)
        {
            IReadOnlyList<TensorData> small = [];
            await HashedAsync(
                    part,
                    async content =>
                        small = await SafetensorsReader
                            .ReadAsync(content, part.LengthBytes, part.Name, destination, cancellationToken)
                            .ConfigureAwait(false),
                    cancellationToken
                )
                .ConfigureAwait(false);
            return small;
        }

        var hash = new BackgroundHash();
        await using (hash.ConfigureAwait(false))
        {
            var content = new HashingReadStream(await OpenAsync(part, cancellationToken).ConfigureAwait(false), hash);
            await using (content.ConfigureAwait(false))
            {
                Expect(part.Name, "length in bytes", content.Length, part.LengthBytes);
                var tensors = await SafetensorsReader
                    .ReadAsync(content, part.LengthBytes, part.Name, destination, cancellationToken)
                    .ConfigureAwait(false);
                Expect(part.Name, "XxHash128", await hash.EndAsync().ConfigureAwait(false), part.XxHash128);
                return tensors;
            }
        }
    }

    private async Task<Stream> OpenAsync(CheckpointPart part, CancellationToken cancellationToken) =>
        await store.TryOpenAsync(part.Name, cancellationToken: cancellationToken).ConfigureAwait(false)
        ?? throw new InvalidDataException($"The part '{part.Name}' is missing.");

    private async Task HashedAsync(CheckpointPart part, Func<Stream, Task> read, CancellationToken cancellationToken)
    {
        var hash = new XxHash128();
        var content = new HashingReadStream(await OpenAsync(part, cancellationToken).ConfigureAwait(false), hash.Append);
        await using (content.ConfigureAwait(false))
        {
            Expect(part.Name, "length in bytes", content.Length, part.LengthBytes);
            await read(content).ConfigureAwait(false);
            Expect(part.Name, "XxHash128", Convert.ToHexStringLower(hash.GetCurrentHash()), part.XxHash128);
        }
    }

    private static void Expect<T>(string name, string what, T found, T expected)
    {
        if (!EqualityComparer<T>.Default.Equals(found, expected))
        {
            throw new InvalidDataException($"'{name}' is damaged or was exchanged: its {what} is {found}, expected was {expected}.");
        }
    }
}
