using Slowrun.Core.Stages;
using Slowrun.Storage;
using Slowrun.Storage.Runs;

namespace Slowrun.Client.Results;

/// <summary>Several scores' vectors, opened together.</summary>
internal sealed class OpenedVectors : IDisposable
{
    private readonly IReadOnlyList<ScoreVector> vectors;

    private OpenedVectors(IReadOnlyList<ScoreVector> vectors) => (this.vectors, P) = (vectors, [.. vectors.Select(vector => vector.P)]);

    /// <summary>p(target) of each, in the scores' order.</summary>
    public IReadOnlyList<ReadOnlyMemory<float>> P { get; }

    /// <param name="progress">Called with the number of vectors opened, from any thread.</param>
    /// <exception cref="InvalidDataException">One is missing or damaged.</exception>
    public static async Task<OpenedVectors> OpenAsync(
        IObjectStore store,
        string run,
        IReadOnlyList<MemberScore> scores,
        Action<int> progress,
        CancellationToken stop
    ) =>
        // Mapping reads every byte once: not on the caller's scheduler.
        new(await Task.Run(() => new ScoreVectors(store, run).OpenAsync(scores, progress, stop), stop));

    /// <summary>To be called before results computed from them are shown.</summary>
    /// <exception cref="InvalidDataException">One was changed since it was opened.</exception>
    public Task CheckAsync(CancellationToken stop) => Task.Run(() => vectors.ToList().ForEach(vector => vector.Check()), stop);

    public void Dispose()
    {
        foreach (var vector in vectors)
        {
            vector.Dispose();
        }
    }
}
