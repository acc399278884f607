using System.Collections.Concurrent;
using Slowrun.Core.Plan;
using Slowrun.Core.Stages;

namespace Slowrun.Storage.Runs;

/// <summary>
/// What a reader remembers of a run: only verified documents that do not change by themselves. A person may change one by hand, so the
/// oldest is forgotten now and then, and read again.
/// </summary>
internal sealed class RunMemory
{
    // One document at a time, however many there are: what is remembered costs the same, and the more there is, the longer until it is read
    // again.
    private static readonly TimeSpan ForgetEvery = TimeSpan.FromSeconds(10);
    private static readonly TimeSpan KeepAtLeast = TimeSpan.FromSeconds(60);

    private long forgotAt;

    /// <summary>The user's documents as they were last read; null: never.</summary>
    public RunOrders? Orders { get; set; }

    /// <summary>Read once: it never changes.</summary>
    public DateTimeOffset? SubmittedAt { get; set; }

    public ConcurrentDictionary<StageId, Known<StageRoot>> Finished { get; } = new();

    /// <summary>Stages without a root, when the stage before them had not finished.</summary>
    public ConcurrentDictionary<StageId, bool> Absent { get; } = new();

    /// <summary>Roots that may change, as they were last read; a value of null: there was none.</summary>
    public ConcurrentDictionary<StageId, Known<StageRoot?>> Unfinished { get; } = new();

    public ConcurrentDictionary<StageId, Known<StageProgress>> Progress { get; } = new();

    /// <summary>By object name.</summary>
    public ConcurrentDictionary<string, Known<MemberScore>> Scores { get; } = new(StringComparer.Ordinal);

    /// <summary>By object name.</summary>
    public ConcurrentDictionary<string, Known<EnsembleScore>> Ensembles { get; } = new(StringComparer.Ordinal);

    /// <summary>Whether something was forgotten that only a listing brings back.</summary>
    public bool MustList { get; set; }

    public void ForgetOldest(TimeProvider time)
    {
        if (forgotAt != 0 && time.GetElapsedTime(forgotAt) < ForgetEvery)
        {
            return;
        }

        var all = Finished
            .Select(pair => (pair.Value.At, Forget: (Action)(() => Finished.TryRemove(pair.Key, out _))))
            .Concat(Scores.Select(pair => (pair.Value.At, Forget: (Action)(() => MustList |= Scores.TryRemove(pair.Key, out _)))))
            .Concat(Ensembles.Select(pair => (pair.Value.At, Forget: (Action)(() => MustList |= Ensembles.TryRemove(pair.Key, out _)))))
            .ToList();
        if (all.Count > 0 && all.MinBy(one => one.At) is var oldest && time.GetElapsedTime(oldest.At) >= KeepAtLeast)
        {
            oldest.Forget();
            forgotAt = time.GetTimestamp();
        }
    }
}

/// <param name="At">Timestamp of its reading.</param>
internal sealed record Known<T>(T Value, long At);
