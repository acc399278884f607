using System.IO.Hashing;
using Slowrun.Core;
using Slowrun.Core.Plan;
using Slowrun.Core.Stages;
using Slowrun.Core.Tensors;
using Slowrun.Storage.Safetensors;

namespace Slowrun.Storage.Checkpoints;

/// <summary>Reads checkpoints and believes nothing: every byte is held against a hash, up to the one in the root.</summary>
public sealed class CheckpointReader(IObjectStore store)
{
    /// <summary>
    /// Reads the newest checkpoint of a root that is whole: the current one, else the one before. Damage is returned, not thrown; a store
    /// that does not answer is no damage, and throws.
    /// </summary>
    public async Task<RestoredCheckpoint> RestoreAsync(string run, StageId stage, StageRoot root, CancellationToken cancellationToken = default)
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
        CancellationToken cancellationToken = default)
    {
        var manifest = await ReadManifestAsync(run, stage, checkpoint, identity, cancellationToken).ConfigureAwait(false);
        var tensors = new List<TensorData>();
        foreach (var part in manifest.Parts)
        {
            tensors.AddRange(await ReadPartAsync(part, (content, ct) =>
                SafetensorsReader.ReadAsync(content, part.LengthBytes, part.Name, destination, ct), cancellationToken).ConfigureAwait(false));
        }

        return tensors;
    }

    /// <summary>Checks every byte of a checkpoint without holding it in memory.</summary>
    /// <exception cref="InvalidDataException">As <see cref="ReadAsync"/>.</exception>
    public async Task VerifyAsync(string run, StageId stage, CheckpointRef checkpoint, StageIdentity? identity, CancellationToken cancellationToken = default)
    {
        var manifest = await ReadManifestAsync(run, stage, checkpoint, identity, cancellationToken).ConfigureAwait(false);
        foreach (var part in manifest.Parts)
        {
            await ReadPartAsync(part, async (content, ct) =>
            {
                await content.CopyToAsync(Stream.Null, 1 << 20, ct).ConfigureAwait(false);
                return true;
            }, cancellationToken).ConfigureAwait(false);
        }
    }

    /// <summary>Reads a checkpoint's manifest.</summary>
    /// <exception cref="InvalidDataException">As <see cref="ReadAsync"/>, but of the manifest alone.</exception>
    public async Task<CheckpointManifest> ReadManifestAsync(
        string run, StageId stage, CheckpointRef checkpoint, StageIdentity? identity, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(checkpoint);
        var name = checkpoint.Manifest;
        var found = await store.TryReadAsync(name, cancellationToken).ConfigureAwait(false)
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
            var its = manifest.Identity with { NumericsFingerprint = identity.NumericsFingerprint };
            if (its != identity)
            {
                throw new InvalidDataException($"'{name}' is of another training than its stage: {string.Join("; ", IdentityDifferences.Between(identity, its))} ('then' is the stage's, 'now' the checkpoint's).");
            }
        }

        return manifest;
    }

    private async Task<T> ReadPartAsync<T>(CheckpointPart part, Func<Stream, CancellationToken, Task<T>> read, CancellationToken cancellationToken)
    {
        var found = await store.TryOpenAsync(part.Name, cancellationToken: cancellationToken).ConfigureAwait(false)
            ?? throw new InvalidDataException($"The part '{part.Name}' is missing.");
        var hash = new XxHash128();
        var content = new HashingReadStream(found, hash.Append);
        await using (content.ConfigureAwait(false))
        {
            Expect(part.Name, "length in bytes", content.Length, part.LengthBytes);
            var result = await read(content, cancellationToken).ConfigureAwait(false);
            Expect(part.Name, "XxHash128", Convert.ToHexStringLower(hash.GetCurrentHash()), part.XxHash128);
            return result;
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
