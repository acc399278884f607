using Slowrun.Core.Plan;
using Slowrun.Core.Stages;

namespace Slowrun.Core.Simulation;

/// <summary>What the store holds of a simulated run: checkpoints, by the rule by which owners sweep, and snapshots.</summary>
/// <param name="keep">Checkpoints that a stage keeps (<see cref="Recipes.Operations.KeepCheckpoints"/>).</param>
internal sealed class SimulatedStore(int keep)
{
    private const double SecondsPerMonth = 730 * 3600;

    private readonly Dictionary<StageId, Held> stages = [];
    private long bytes;
    private double since;
    private double byteSeconds;
    private long most;

    /// <summary>After so many commits of one owner nothing of what was there before is left.</summary>
    public int Turnover => keep + 1;

    /// <summary>An owner begins: until it has ended, room for the most that it will hold at a time counts as held.</summary>
    /// <param name="commits">Steps that it will commit if nothing happens to it; of more than <see cref="Turnover"/> the last are
    /// enough.</param>
    /// <param name="snapshotBytes">What it uploads at the end, before its last sweep.</param>
    public void Begin(StageId id, StageRoot root, IEnumerable<int> commits, long checkpointBytes, long snapshotBytes, double now)
    {
        var held = HeldBy(id);
        var (_, _, count) = After(held.Checkpoints, root, commits, null);
        Set(id, held with { Bytes = (count * checkpointBytes) + snapshotBytes }, now);
    }

    /// <summary>An owner has ended.</summary>
    /// <param name="commits">Steps that it has committed, or the last <see cref="Turnover"/> of them.</param>
    /// <param name="snapshotBytes">0: the stage has not finished.</param>
    /// <returns>The root with these commits.</returns>
    public StageRoot End(
        StageId id,
        StageRoot root,
        IEnumerable<int> commits,
        CheckpointPace? pace,
        long checkpointBytes,
        long snapshotBytes,
        double now
    )
    {
        var (after, checkpoints, _) = After(HeldBy(id).Checkpoints, root, commits, pace);
        Set(id, new Held(checkpoints, (checkpoints.Count * checkpointBytes) + snapshotBytes), now);
        return after;
    }

    public StoreUse Until(double now) =>
        new(most, bytes, (byteSeconds + (bytes * Math.Max(0, now - since))) / StorePrice.BytesPerGigabyte / SecondsPerMonth);

    private (StageRoot Root, IReadOnlyList<StoredCheckpoint> Held, int Most) After(
        IReadOnlyList<StoredCheckpoint> held,
        StageRoot root,
        IEnumerable<int> commits,
        CheckpointPace? pace
    )
    {
        var there = held.ToList();
        var count = there.Count;
        foreach (var step in commits)
        {
            var manifest = FormattableString.Invariant($"{root.EpochToken}-{step}");
            there.Add(new StoredCheckpoint(manifest, root.EpochToken, step, IsWhole: true));
            count = Math.Max(count, there.Count);
            root = root with
            {
                Previous = root.Current,
                Current = new CheckpointRef(manifest, "", step, root.EpochToken, 0, default) { Pace = pace },
            };
            there = [.. there.Except(RetentionRule.Expired(there, root, keep, [], byOwner: true))];
        }

        return (root, there, count);
    }

    private Held HeldBy(StageId id) => stages.GetValueOrDefault(id) ?? new Held([], 0);

    private void Set(StageId id, Held held, double now)
    {
        byteSeconds += bytes * Math.Max(0, now - since);
        since = Math.Max(since, now);
        bytes += held.Bytes - HeldBy(id).Bytes;
        most = Math.Max(most, bytes);
        stages[id] = held;
    }

    private sealed record Held(IReadOnlyList<StoredCheckpoint> Checkpoints, long Bytes);
}

/// <summary>What a run's checkpoints and snapshots take in the store.</summary>
/// <param name="MostBytes">At a time; each stage that is trained counts with the most that it holds.</param>
/// <param name="EndBytes">Once it is over, until it is deleted.</param>
/// <param name="GigabyteMonths">From the submission to its end: 1e9 bytes for 730 hours are one.</param>
public sealed record StoreUse(long MostBytes, long EndBytes, double GigabyteMonths);
