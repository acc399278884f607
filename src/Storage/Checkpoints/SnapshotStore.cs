using System.Security.Cryptography;
using Slowrun.Core.Stages;
using Slowrun.Core.Tensors;
using Slowrun.Storage.Runs;
using Slowrun.Storage.Safetensors;

namespace Slowrun.Storage.Checkpoints;

/// <summary>A run's snapshots, named by the SHA-256 of their bytes: teachers and ensemble members.</summary>
public sealed class SnapshotStore(IObjectStore store, string run, TimeProvider time)
{
    /// <summary>Stores weights; the same weights give the same name and bytes, in whatever order they come.</summary>
    public async Task<SnapshotRef> CreateAsync(IReadOnlyList<TensorData> weights, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(weights);
        // By name: the bytes must not depend on the order in which an engine happens to hold its parameters.
        using var content = SafetensorsWriter.OpenRead([.. weights.OrderBy(tensor => tensor.Name, StringComparer.Ordinal)]);
        var sha256 = Convert.ToHexStringLower(await SHA256.HashDataAsync(content, cancellationToken).ConfigureAwait(false));
        var name = RunPaths.Snapshot(run, sha256);
        content.Position = 0;
        if (
            !await store.TryCreateAsync(name, content, cancellationToken).ConfigureAwait(false)
            && !await HasWholeAsync(sha256, cancellationToken).ConfigureAwait(false)
        )
        {
            // There was one of that name, damaged since; here are the bytes that it should have.
            content.Position = 0;
            await store.TryCreateAsync(name, content, cancellationToken).ConfigureAwait(false);
            await VerifyAsync(sha256, cancellationToken).ConfigureAwait(false);
        }

        return new SnapshotRef(name, sha256, content.Length, time.GetUtcNow());
    }

    /// <summary>Reads and verifies a snapshot.</summary>
    /// <param name="sha256">Lower-case hex.</param>
    /// <exception cref="InvalidDataException">Missing, damaged or exchanged; there is no other to fall back to.</exception>
    public async Task<IReadOnlyList<TensorData>> ReadAsync(string sha256, CancellationToken cancellationToken = default)
    {
        var name = RunPaths.Snapshot(run, sha256);
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        var found = await OpenAsync(name, cancellationToken).ConfigureAwait(false);
        var content = new HashingReadStream(found, hash.AppendData);
        await using (content.ConfigureAwait(false))
        {
            var weights = await SafetensorsReader
                .ReadAsync(content, content.Length, name, cancellationToken: cancellationToken)
                .ConfigureAwait(false);
            Expect(name, hash.GetCurrentHash(), sha256);
            return weights;
        }
    }

    /// <summary>Checks every byte of a snapshot without holding it in memory.</summary>
    /// <exception cref="InvalidDataException">As <see cref="ReadAsync"/>.</exception>
    public async Task VerifyAsync(string sha256, CancellationToken cancellationToken = default)
    {
        var name = RunPaths.Snapshot(run, sha256);
        var found = await OpenAsync(name, cancellationToken).ConfigureAwait(false);
        await using (found.ConfigureAwait(false))
        {
            Expect(name, await SHA256.HashDataAsync(found, cancellationToken).ConfigureAwait(false), sha256);
        }
    }

    /// <summary>Whether the weights are there, and whole. A damaged object in their place is deleted; one that another writer has put there
    /// meanwhile is not.</summary>
    public async Task<bool> HasWholeAsync(string sha256, CancellationToken cancellationToken = default)
    {
        if (await DamageAsync(sha256, cancellationToken).ConfigureAwait(false) is null)
        {
            return true;
        }

        var name = RunPaths.Snapshot(run, sha256);
        while (await store.TryReadETagAsync(name, cancellationToken).ConfigureAwait(false) is { } etag)
        {
            // Read again: what is deleted has to be what was found damaged.
            if (await DamageAsync(sha256, cancellationToken).ConfigureAwait(false) is null)
            {
                return true;
            }

            if (await store.TryDeleteAsync(name, etag, cancellationToken).ConfigureAwait(false))
            {
                return false;
            }
        }

        return false;
    }

    private async Task<string?> DamageAsync(string sha256, CancellationToken cancellationToken)
    {
        try
        {
            await VerifyAsync(sha256, cancellationToken).ConfigureAwait(false);
            return null;
        }
        catch (InvalidDataException e)
        {
            return e.Message;
        }
    }

    internal static void Expect(string name, byte[] found, string sha256)
    {
        if (Convert.ToHexStringLower(found) is var hex && hex != sha256)
        {
            throw Damaged(name, hex);
        }
    }

    internal static InvalidDataException Missing(string name) => new($"The snapshot '{name}' is missing.");

    internal static InvalidDataException Damaged(string name, string found) =>
        new(
            $"The snapshot '{name}' is damaged or was exchanged: its SHA-256 is {found}. Put the object back from a copy, "
                + "or start the run again under another name."
        );

    private async Task<Stream> OpenAsync(string name, CancellationToken cancellationToken) =>
        await store.TryOpenAsync(name, cancellationToken: cancellationToken).ConfigureAwait(false) ?? throw Missing(name);
}
