using Slowrun.Core.Plan;
using Slowrun.Storage;
using Slowrun.Storage.Checkpoints;

namespace Slowrun.Reading.Curves;

/// <summary>Loss curves out of the stages' checkpoints, each read once for each checkpoint.</summary>
[System.Diagnostics.CodeAnalysis.SuppressMessage(
    "Design",
    "CA1001",
    Justification = "A semaphore whose wait handle is not used holds nothing to dispose of."
)]
public sealed class CurveCache(IObjectStore store)
{
    // 64 MB of float32: a hundred stages of 160,000 steps.
    private const long MostSteps = 16 << 20;

    // Three small reads each; a cloud store answers them side by side.
    private const int AtOnce = 16;

    private readonly Lock gate = new();
    private readonly Dictionary<(string Run, StageId Stage), LossCurve> curves = [];
    private readonly SemaphoreSlim turns = new(AtOnce);
    private long steps;

    /// <summary>The curve up to the newest checkpoint; null where the stage has none, or none can be read: then the others are still
    /// shown.</summary>
    public async Task<LossCurve?> TryReadAsync(RunFacts facts, StageId stage, CancellationToken cancellationToken)
    {
        var key = (facts.Spec.Name, stage);
        if (facts.RootOf(stage).Current is not { } current)
        {
            return null;
        }

        lock (gate)
        {
            if (curves.TryGetValue(key, out var known) && known.Checkpoint == current)
            {
                return known;
            }
        }

        await turns.WaitAsync(cancellationToken);
        try
        {
            if (await new CurveReader(store, facts.Spec.Name).TryReadAsync(stage, cancellationToken) is not { } read)
            {
                return null;
            }

            Keep(key, read);
            return read;
        }
        catch (InvalidDataException)
        {
            return null;
        }
        finally
        {
            turns.Release();
        }
    }

    private void Keep((string Run, StageId Stage) key, LossCurve curve)
    {
        lock (gate)
        {
            if (steps + curve.LossNats.Count > MostSteps)
            {
                // All are dropped: the next viewers read them again.
                curves.Clear();
                steps = 0;
            }

            steps += curve.LossNats.Count - (curves.TryGetValue(key, out var old) ? old.LossNats.Count : 0);
            curves[key] = curve;
        }
    }
}
