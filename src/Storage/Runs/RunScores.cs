using System.Collections.Concurrent;
using System.Globalization;
using System.IO.Hashing;
using System.Runtime.InteropServices;
using Slowrun.Core;
using Slowrun.Core.Plan;
using Slowrun.Core.Stages;
using Slowrun.Core.Tensors;
using Slowrun.Storage.Safetensors;

namespace Slowrun.Storage.Runs;

/// <summary>A run's member and ensemble scores: created if absent, never changed.</summary>
public sealed class RunScores(IObjectStore store, string run)
{
    /// <summary>The one tensor of a vector's file.</summary>
    internal const string TensorName = "p";

    private const int ReadAtOnce = 16;

    private const string Json = ".json";

    /// <summary>The score of a snapshot on a set in that batch shape on that kind of device; null where there is none yet.</summary>
    public Task<MemberScore?> TryReadAsync(
        string snapshotSha256,
        string setSha256,
        int rows,
        string numericsFingerprint,
        CancellationToken cancellationToken = default
    ) => store.TryReadJsonAsync<MemberScore>(Key(snapshotSha256, setSha256, rows, numericsFingerprint) + Json, cancellationToken);

    /// <summary>Stores a score and its vector; where another silo has stored one, that is returned.</summary>
    /// <param name="p">p(target) of every token that was scored, in order.</param>
    public async Task<MemberScore> CreateAsync(NewScore score, ReadOnlyMemory<float> p, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(score);
        var key = Key(score.SnapshotSha256, score.SetSha256, score.Rows, score.NumericsFingerprint);
        var bytes = MemoryMarshal.AsBytes(p.Span).ToArray();
        using var content = SafetensorsWriter.OpenRead([new TensorData(TensorName, ElementType.F32, [p.Length], bytes)]);
        var hash = await ContentHash.OfAsync(content, cancellationToken).ConfigureAwait(false);
        content.Position = 0;

        // Named by its own hash too: where a device does not repeat its bits, two scorers' vectors must not be mixed up.
        var stored = new MemberScore
        {
            SnapshotSha256 = score.SnapshotSha256,
            SetSha256 = score.SetSha256,
            Rows = score.Rows,
            NumericsFingerprint = score.NumericsFingerprint,
            Tokens = p.Length,
            LossNats = score.LossNats,
            BitsPerByte = score.BitsPerByte,
            Vector = $"{key}-{hash[..16]}.safetensors",
            VectorXxHash128 = hash,
        };
        await ImmutableObjects.CreateAsync(store, stored.Vector, content, hash, cancellationToken).ConfigureAwait(false);
        return await store.TryCreateJsonAsync(key + Json, stored, cancellationToken).ConfigureAwait(false)
            ? stored
            : await store.TryReadJsonAsync<MemberScore>(key + Json, cancellationToken).ConfigureAwait(false)
                ?? throw new InvalidDataException($"'{key}{Json}' was there when it was to be created, and gone when it was to be read.");
    }

    /// <summary>The score's p(target) of every token.</summary>
    /// <exception cref="InvalidDataException">Missing or damaged: delete the score's objects, and it is computed again.</exception>
    public async Task<float[]> ReadVectorAsync(MemberScore score, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(score);
        var found =
            await store.TryOpenAsync(score.Vector, cancellationToken: cancellationToken).ConfigureAwait(false) ?? throw Missing(score);
        await using (found.ConfigureAwait(false))
        {
            return await TryReadVectorAsync(found, score, cancellationToken).ConfigureAwait(false) ?? throw Damaged(score);
        }
    }

    /// <summary>Reads a vector into memory, and hashes what was read.</summary>
    /// <returns>Null where it is not what the score's hash says.</returns>
    internal static async Task<float[]?> TryReadVectorAsync(Stream vector, MemberScore score, CancellationToken cancellationToken)
    {
        var hash = new XxHash128();
        var content = new HashingReadStream(vector, hash.Append);
        try
        {
            var tensors = await SafetensorsReader
                .ReadAsync(content, content.Length, score.Vector, cancellationToken: cancellationToken)
                .ConfigureAwait(false);
            return
                Convert.ToHexStringLower(hash.GetCurrentHash()) == score.VectorXxHash128
                && tensors is [{ Type: ElementType.F32, Name: TensorName } p]
                ? MemoryMarshal.Cast<byte, float>(p.Bytes.Span).ToArray()
                : null;
        }
        catch (InvalidDataException)
        {
            // Not a safetensors file.
            return null;
        }
    }

    /// <summary>
    /// Deletes a score or an ensemble that cannot be read, so that it is computed again; one that was written meanwhile stays.
    /// </summary>
    /// <returns>Whether it was deleted.</returns>
    public async Task<bool> TryDropDamagedAsync(string name, CancellationToken cancellationToken = default)
    {
        if (await store.TryReadAsync(name, cancellationToken).ConfigureAwait(false) is not { } found)
        {
            return false;
        }

        try
        {
            _ = name.StartsWith(RunPaths.Scores(run), StringComparison.Ordinal)
                ? (object)SealedJson.Deserialize<MemberScore>(name, found.Content.Span)
                : SealedJson.Deserialize<EnsembleScore>(name, found.Content.Span);
            return false;
        }
        catch (InvalidDataException e) when (NewerDocument.IsRefusal(e))
        {
            return false;
        }
        catch (InvalidDataException)
        {
            return await store.TryDeleteAsync(name, found.ETag, cancellationToken).ConfigureAwait(false);
        }
    }

    /// <summary>Deletes a score whose vector is missing or damaged, and that vector: the member is then scored again.</summary>
    public async Task DropAsync(MemberScore score, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(score);
        // The vector first: without it the score is dropped again, while a vector without a score is only left over.
        await store.TryDeleteAsync(score.Vector, cancellationToken: cancellationToken).ConfigureAwait(false);
        await store
            .TryDeleteAsync(
                Key(score.SnapshotSha256, score.SetSha256, score.Rows, score.NumericsFingerprint) + Json,
                cancellationToken: cancellationToken
            )
            .ConfigureAwait(false);
    }

    /// <summary>The mixture of exactly these snapshots, in this order; null where none was stored.</summary>
    public Task<EnsembleScore?> TryReadEnsembleAsync(IReadOnlyList<string> members, CancellationToken cancellationToken = default) =>
        store.TryReadJsonAsync<EnsembleScore>(EnsembleName(members), cancellationToken);

    /// <summary>Stores a mixture's score; false where there is one.</summary>
    public Task<bool> TryCreateEnsembleAsync(EnsembleScore score, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(score);
        return store.TryCreateJsonAsync(EnsembleName(score.Members), score, cancellationToken);
    }

    internal InvalidDataException Missing(MemberScore score) => new($"The vector '{score.Vector}' is missing. {Advice(score)}");

    internal InvalidDataException Damaged(MemberScore score) =>
        new($"The vector '{score.Vector}' is damaged or was exchanged: its XxHash128 is not {score.VectorXxHash128}. {Advice(score)}");

    /// <summary>Brings what is remembered of scores and ensembles up to date: names are listed, and what is not known by its name is
    /// read.</summary>
    internal async Task RefreshAsync(
        RunMemory memory,
        TimeProvider time,
        Action<DocumentKind, string, string> damaged,
        CancellationToken cancellationToken
    )
    {
        await RefreshAsync(
                RunPaths.Scores(run),
                memory.Scores,
                time,
                (name, why) => damaged(DocumentKind.Score, name, why),
                cancellationToken
            )
            .ConfigureAwait(false);
        await RefreshAsync(
                RunPaths.Ensembles(run),
                memory.Ensembles,
                time,
                (name, why) => damaged(DocumentKind.Ensemble, name, why),
                cancellationToken
            )
            .ConfigureAwait(false);
    }

    private async Task RefreshAsync<T>(
        string folder,
        ConcurrentDictionary<string, Known<T>> known,
        TimeProvider time,
        Action<string, string> damaged,
        CancellationToken cancellationToken
    )
        where T : class
    {
        var names = await store
            .ListAsync(folder, cancellationToken)
            .Select(entry => entry.Name)
            .Where(name => name.EndsWith(Json, StringComparison.Ordinal))
            .ToHashSetAsync(StringComparer.Ordinal, cancellationToken)
            .ConfigureAwait(false);
        foreach (var gone in known.Keys.Except(names).ToList())
        {
            known.TryRemove(gone, out _);
        }

        // At its start a reader has hundreds of documents to read, and the store takes milliseconds for each.
        var problems = new ConcurrentDictionary<string, string>(StringComparer.Ordinal);
        var several = new ParallelOptions { MaxDegreeOfParallelism = ReadAtOnce, CancellationToken = cancellationToken };
        await Parallel
            .ForEachAsync(
                names.Where(name => !known.ContainsKey(name)),
                several,
                async (name, token) =>
                {
                    try
                    {
                        if (await store.TryReadJsonAsync<T>(name, token).ConfigureAwait(false) is { } document)
                        {
                            known[name] = new Known<T>(document, time.GetTimestamp());
                        }
                    }
                    catch (InvalidDataException e)
                    {
                        problems[name] = e.Message;
                    }
                }
            )
            .ConfigureAwait(false);
        foreach (var (name, why) in problems.OrderBy(pair => pair.Key, StringComparer.Ordinal))
        {
            damaged(name, why);
        }
    }

    private string EnsembleName(IReadOnlyList<string> members) => RunPaths.Ensembles(run) + CanonicalJson.Sha256(members) + Json;

    private string Key(string snapshotSha256, string setSha256, int rows, string numericsFingerprint) =>
        RunPaths.Scores(run)
        + string.Create(CultureInfo.InvariantCulture, $"{snapshotSha256}-{First16(setSha256)}-{rows}-{First16(numericsFingerprint)}");

    private string Advice(MemberScore score) =>
        $"Delete it and '{Key(score.SnapshotSha256, score.SetSha256, score.Rows, score.NumericsFingerprint)}{Json}': the member is then scored again.";

    private static string First16(string hash) => hash.Length > 16 ? hash[..16] : hash;
}
