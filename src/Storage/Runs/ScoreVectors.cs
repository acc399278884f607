using System.IO.Hashing;
using Slowrun.Core.Stages;
using Slowrun.Storage.Blobs;
using Slowrun.Storage.Directories;

namespace Slowrun.Storage.Runs;

/// <summary>
/// The vectors of a run's scores, as files of this machine: a directory store's own, or the cache's for a store far away. Of other
/// stores (memory) they are read into memory.
/// </summary>
public sealed class ScoreVectors
{
    // Upstream's 480 members on 10 M tokens are 19 GB.
    private const long DefaultCapacityBytes = 32L << 30;

    // One more than the two that can happen: damage, and another process's making room.
    private const int Tries = 3;

    // A store far away answers several requests in the time of one.
    private const int AtOnce = 4;

    private readonly IObjectStore store;
    private readonly RunScores scores;
    private readonly FileCache? cache;

    public ScoreVectors(IObjectStore store, string run)
        : this(store, run, store is AzureBlobStore ? FileCache.OfMachine("vectors", DefaultCapacityBytes) : null)
    {
    }

    /// <param name="cache">Null: a store of this machine.</param>
    public ScoreVectors(IObjectStore store, string run, FileCache? cache) =>
        (this.store, this.cache, scores) = (store, cache, new RunScores(store, run));

    /// <summary>The vectors of several scores, in their order; the caller disposes them.</summary>
    /// <param name="progress">Told how many are there, from any thread.</param>
    /// <exception cref="InvalidDataException">One is missing or damaged.</exception>
    public async Task<IReadOnlyList<ScoreVector>> OpenAsync(IReadOnlyList<MemberScore> wanted, Action<int>? progress = null, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(wanted);
        var opened = new ScoreVector?[wanted.Count];
        var done = 0;
        var limits = new ParallelOptions { MaxDegreeOfParallelism = AtOnce, CancellationToken = cancellationToken };
        try
        {
            await Parallel.ForEachAsync(wanted.Index(), limits, async (score, stop) =>
            {
                opened[score.Index] = await OpenAsync(score.Item, stop).ConfigureAwait(false);
                progress?.Invoke(Interlocked.Increment(ref done));
            }).ConfigureAwait(false);
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

    private async Task<ScoreVector> OpenAsync(MemberScore score, CancellationToken cancellationToken)
    {
        if (cache is not null)
        {
            return await OpenCachedAsync(cache, score, cancellationToken).ConfigureAwait(false);
        }

        if (store is not DirectoryStore directory)
        {
            return new ScoreVector(await scores.ReadVectorAsync(score, cancellationToken).ConfigureAwait(false));
        }

        var path = directory.PathOf(score.Vector);
        return File.Exists(path) ? ScoreVector.TryMap(path, score.VectorXxHash128) ?? throw scores.Damaged(score) : throw scores.Missing(score);
    }

    private async Task<ScoreVector> OpenCachedAsync(FileCache files, MemberScore score, CancellationToken cancellationToken)
    {
        for (var tries = 1; ; tries++)
        {
            var path = await FetchAsync(files, score, cancellationToken).ConfigureAwait(false);
            try
            {
                if (ScoreVector.TryMap(path, score.VectorXxHash128) is { } vector)
                {
                    return vector;
                }

                // Damaged here since it was fetched.
                files.Drop(score.VectorXxHash128);
            }
            // Just deleted to make room.
            catch (IOException) when (tries < Tries)
            {
            }

            if (tries >= Tries)
            {
                throw new IOException($"The cached vector '{path}' is damaged again each time it is fetched: the disk may be failing. Set SLOWRUN_CACHE to a directory of another one.");
            }
        }
    }

    private async Task<string> FetchAsync(FileCache files, MemberScore score, CancellationToken cancellationToken)
    {
        var hash = new XxHash128();
        return await files.FetchAsync(score.VectorXxHash128, OpenAsync, Verify, cancellationToken).ConfigureAwait(false);

        async Task<Stream> OpenAsync() => new HashingReadStream(
            await store.TryOpenAsync(score.Vector, cancellationToken: cancellationToken).ConfigureAwait(false) ?? throw scores.Missing(score), hash.Append);

        void Verify()
        {
            if (Convert.ToHexStringLower(hash.GetCurrentHash()) != score.VectorXxHash128)
            {
                throw scores.Damaged(score);
            }
        }
    }
}
