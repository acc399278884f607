using System.IO.Hashing;
using Slowrun.Core.Stages;
using Slowrun.Storage.Caches;

namespace Slowrun.Storage.Runs;

/// <summary>
/// The vectors of a run's scores, from files of this machine: a directory store's own, or the cache's for a store far away. They are read
/// into private memory; only where they need more than that has are the files mapped.
/// </summary>
public sealed class ScoreVectors
{
    // Upstream's 480 members on 10 M tokens are 19 GB.
    private const long DefaultCapacityBytes = 32L << 30;

    // One more than the two failures that can happen: damage, and a deletion by another process that makes room.
    private const int Tries = 3;

    // What is read beside (the vectors of other sets, a model) needs room too.
    private static readonly long HeldBytes = GC.GetGCMemoryInfo().TotalAvailableMemoryBytes / 4;

    // A store far away answers several requests in the time of one.
    private const int AtOnce = 4;

    private readonly IObjectStore store;
    private readonly RunScores scores;
    private readonly FileCache? cache;
    private readonly long heldBytes;

    public ScoreVectors(IObjectStore store, string run)
        : this(store, run, store.IsRemote ? FileCache.OfMachine("vectors", DefaultCapacityBytes) : null) { }

    /// <param name="cache">Null: a store of this machine.</param>
    /// <param name="heldBytes">Vectors opened together are mapped where they are larger; null: a quarter of the machine's memory.</param>
    public ScoreVectors(IObjectStore store, string run, FileCache? cache, long? heldBytes = null) =>
        (this.store, this.cache, this.heldBytes, scores) = (store, cache, heldBytes ?? HeldBytes, new RunScores(store, run));

    /// <summary>The vectors of several scores, in their order; the caller disposes them.</summary>
    /// <param name="progress">Called with the number of vectors opened, from any thread.</param>
    /// <exception cref="InvalidDataException">One is missing or damaged.</exception>
    public async Task<IReadOnlyList<ScoreVector>> OpenAsync(
        IReadOnlyList<MemberScore> wanted,
        Action<int>? progress = null,
        CancellationToken cancellationToken = default
    )
    {
        ArgumentNullException.ThrowIfNull(wanted);
        var opened = new ScoreVector?[wanted.Count];
        var map = wanted.Sum(score => score.Tokens * sizeof(float)) > heldBytes;
        var done = 0;
        var limits = new ParallelOptions { MaxDegreeOfParallelism = AtOnce, CancellationToken = cancellationToken };
        try
        {
            await Parallel
                .ForEachAsync(
                    wanted.Index(),
                    limits,
                    async (score, stop) =>
                    {
                        opened[score.Index] = await OpenAsync(score.Item, map, stop).ConfigureAwait(false);
                        progress?.Invoke(Interlocked.Increment(ref done));
                    }
                )
                .ConfigureAwait(false);
            return opened!;
        }
        catch
        {
            foreach (var vector in opened)
            {
                vector?.Dispose();
            }

            throw;
        }
    }

    private async Task<ScoreVector> OpenAsync(MemberScore score, bool map, CancellationToken cancellationToken)
    {
        if (cache is not null)
        {
            return await OpenCachedAsync(cache, score, map, cancellationToken).ConfigureAwait(false);
        }

        if (!map || store.LocalFiles is not { } local)
        {
            return new ScoreVector(await scores.ReadVectorAsync(score, cancellationToken).ConfigureAwait(false));
        }

        var file = local.TryOpenFile(score.Vector) ?? throw scores.Missing(score);
        return ScoreVector.TryMap(file, score.Vector, score.VectorXxHash128, () => scores.Damaged(score)) ?? throw scores.Damaged(score);
    }

    private async Task<ScoreVector> OpenCachedAsync(FileCache files, MemberScore score, bool map, CancellationToken cancellationToken)
    {
        for (var tries = 1; ; tries++)
        {
            var path = await FetchAsync(files, score, cancellationToken).ConfigureAwait(false);
            try
            {
                var vector = map
                    ? ScoreVector.TryMap(FileCache.OpenShared(path), path, score.VectorXxHash128, () => Changed(files, path, score))
                    : await TryReadAsync(path, score, cancellationToken).ConfigureAwait(false);
                if (vector is not null)
                {
                    return vector;
                }

                // Damaged here since it was fetched.
                files.Drop(score.VectorXxHash128);
            }
            // Just deleted to make room.
            catch (IOException) when (tries < Tries) { }

            if (tries >= Tries)
            {
                throw new IOException(
                    $"The cached vector '{path}' is damaged again each time it is fetched: the disk may be failing. Set SLOWRUN_CACHE to a directory of another one."
                );
            }
        }
    }

    private static async Task<ScoreVector?> TryReadAsync(string path, MemberScore score, CancellationToken cancellationToken)
    {
        var file = FileCache.OpenShared(path);
        await using (file.ConfigureAwait(false))
        {
            return await RunScores.TryReadVectorAsync(file, score, cancellationToken).ConfigureAwait(false) is { } values
                ? new ScoreVector(values)
                : null;
        }
    }

    /// <summary>The store still has it: the next call fetches it.</summary>
    private static InvalidDataException Changed(FileCache files, string path, MemberScore score)
    {
        files.Drop(score.VectorXxHash128);
        return new InvalidDataException(
            $"The cached vector '{path}' of '{score.Vector}' was changed while it was in use. Nothing was written; it is fetched again at the next try."
        );
    }

    private async Task<string> FetchAsync(FileCache files, MemberScore score, CancellationToken cancellationToken)
    {
        var hash = new XxHash128();
        return await files.FetchAsync(score.VectorXxHash128, OpenAsync, Verify, cancellationToken).ConfigureAwait(false);

        async Task<Stream> OpenAsync() =>
            new HashingReadStream(
                await store.TryOpenAsync(score.Vector, cancellationToken: cancellationToken).ConfigureAwait(false)
                    ?? throw scores.Missing(score),
                hash.Append
            );

        void Verify()
        {
            if (Convert.ToHexStringLower(hash.GetCurrentHash()) != score.VectorXxHash128)
            {
                throw scores.Damaged(score);
            }
        }
    }
}
