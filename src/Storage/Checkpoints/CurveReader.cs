using System.Buffers.Binary;
using System.Runtime.InteropServices;
using Slowrun.Core.Explain;
using Slowrun.Core.Plan;
using Slowrun.Core.Stages;
using Slowrun.Core.Tensors;
using Slowrun.Storage.Runs;
using Slowrun.Storage.Safetensors;

namespace Slowrun.Storage.Checkpoints;

/// <summary>
/// Reads the loss curve out of a checkpoint and leaves the gigabytes around it where they are: a manifest, a part's header, and the bytes
/// of one tensor. No hash covers these bytes, so nothing may be trained on them.
/// </summary>
public sealed class CurveReader(IObjectStore store, string run)
{
    // Holds the header of any checkpoint the engine writes (a few dozen flat tensors), in one request.
    private const int HeadBytes = 16 << 10;

    // An owner that commits often may sweep a checkpoint between the reading of its root and of its parts; when that happens three times in
    // a row, it is damage.
    private const int Tries = 3;

    private readonly CheckpointReader checkpoints = new(store);
    private readonly RunDocuments documents = new(store, run);

    /// <summary>The curve up to the newest checkpoint that can be read; null where the stage has none yet.</summary>
    /// <exception cref="InvalidDataException">No checkpoint of the stage can be read; the message names what is wrong with the
    /// newest.</exception>
    public async Task<LossCurve?> TryReadAsync(StageId stage, CancellationToken cancellationToken = default)
    {
        var root = await documents.TryReadRootAsync(stage, cancellationToken).ConfigureAwait(false);
        for (var tries = 1; ; tries++)
        {
            try
            {
                return root is null ? null : await ReadNewestAsync(stage, root, cancellationToken).ConfigureAwait(false);
            }
            catch (InvalidDataException) when (tries < Tries)
            {
                var now = await documents.TryReadRootAsync(stage, cancellationToken).ConfigureAwait(false);
                if (now?.Current == root?.Current)
                {
                    throw;
                }

                root = now;
            }
        }
    }

    private async Task<LossCurve?> ReadNewestAsync(StageId stage, StageRoot root, CancellationToken cancellationToken)
    {
        if (root.Current is null)
        {
            return null;
        }

        try
        {
            return await ReadAsync(stage, root.Current, cancellationToken).ConfigureAwait(false);
        }
        catch (InvalidDataException damage) when (root.Previous is not null)
        {
            try
            {
                return await ReadAsync(stage, root.Previous, cancellationToken).ConfigureAwait(false);
            }
            catch (InvalidDataException)
            {
                throw new InvalidDataException(damage.Message, damage);
            }
        }
    }

    private async Task<LossCurve?> ReadAsync(StageId stage, CheckpointRef checkpoint, CancellationToken cancellationToken)
    {
        var manifest = await checkpoints.ReadManifestAsync(run, stage, checkpoint, null, cancellationToken).ConfigureAwait(false);
        if (manifest.Identity.NumericsFingerprint == StageIdentity.ImportedFingerprint)
        {
            // Weights that were taken over as they are: nothing was trained.
            return null;
        }

        // The engine writes it behind the weights, moments and averages: the last part has it.
        foreach (var part in manifest.Parts.Reverse())
        {
            var header = await ReadHeaderAsync(part, cancellationToken).ConfigureAwait(false);
            var offset = header.DataStart;
            foreach (var tensor in header.Tensors)
            {
                if (tensor.Name == StateTensors.Losses)
                {
                    return new LossCurve(
                        checkpoint,
                        await ReadLossesAsync(part, tensor, offset, checkpoint.Step, cancellationToken).ConfigureAwait(false)
                    );
                }

                offset += tensor.LengthBytes;
            }
        }

        throw new InvalidDataException(
            $"The checkpoint '{checkpoint.Manifest}' has no tensor '{StateTensors.Losses}' in any of its {manifest.Parts.Count} parts."
        );
    }

    private async Task<SafetensorsHeader> ReadHeaderAsync(CheckpointPart part, CancellationToken cancellationToken)
    {
        var head = await ReadRangeAsync(part, 0, Math.Min(HeadBytes, part.LengthBytes), cancellationToken).ConfigureAwait(false);
        if (
            head.Length >= sizeof(long)
            && BinaryPrimitives.ReadUInt64LittleEndian(head) is var json
            && json > (ulong)(head.Length - sizeof(long))
            && json <= SafetensorsReader.LongestHeaderBytes
        )
        {
            head = await ReadRangeAsync(part, 0, Math.Min(sizeof(long) + (long)json, part.LengthBytes), cancellationToken)
                .ConfigureAwait(false);
        }

        using var content = new MemoryStream(head);
        return await SafetensorsReader.ReadHeaderAsync(content, part.LengthBytes, part.Name, cancellationToken).ConfigureAwait(false);
    }

    private async Task<float[]> ReadLossesAsync(
        CheckpointPart part,
        TensorLayout tensor,
        long offset,
        int steps,
        CancellationToken cancellationToken
    )
    {
        if (tensor.Type != ElementType.F32 || tensor.Shape is not [var length] || length < steps)
        {
            throw new InvalidDataException(
                $"'{part.Name}' is damaged or was exchanged: its tensor '{tensor.Name}' is {tensor.Type} [{string.Join(", ", tensor.Shape)}], expected was {ElementType.F32} "
                    + $"with at least the checkpoint's {steps} steps."
            );
        }

        var bytes = await ReadRangeAsync(part, offset, (long)steps * sizeof(float), cancellationToken).ConfigureAwait(false);
        return MemoryMarshal.Cast<byte, float>(bytes).ToArray();
    }

    private async Task<byte[]> ReadRangeAsync(CheckpointPart part, long offset, long length, CancellationToken cancellationToken)
    {
        // Blob stores know no range without a byte; before the first step there is nothing to read.
        if (length == 0)
        {
            return [];
        }

        var content =
            await store.TryOpenAsync(part.Name, offset, length, cancellationToken).ConfigureAwait(false)
            ?? throw new InvalidDataException($"The part '{part.Name}' is missing.");
        await using (content.ConfigureAwait(false))
        {
            var bytes = new byte[length];
            var read = await content
                .ReadAtLeastAsync(bytes, bytes.Length, throwOnEndOfStream: false, cancellationToken)
                .ConfigureAwait(false);
            return read == length
                ? bytes
                : throw new InvalidDataException(
                    $"'{part.Name}' is damaged or was exchanged: it ends {length - read} bytes early, before its byte {offset + length}."
                );
        }
    }
}
