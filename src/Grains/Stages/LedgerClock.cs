using Slowrun.Core.Stages;

namespace Slowrun.Grains.Stages;

/// <summary>
/// Continues a stage's ledger while an owner has it: at each moment the time is booked on one account. Switched by the trainer thread, read
/// by commits and reports.
/// </summary>
/// <param name="atTake">As the take wrote it.</param>
/// <param name="turned">Called with an account, the time booked on it in a row, and the next account; null: the owner ends.</param>
internal sealed class LedgerClock(StageLedger atTake, TimeProvider time, Action<Account, TimeSpan, Account?>? turned = null)
{
    private readonly Lock gate = new();
    private StageLedger ledger = atTake;
    private Account account = Account.Restore;
    private double stepsDoneSeconds = atTake.TrainingSeconds;
    private long turnedAt = time.GetTimestamp();

    /// <summary>Up to now.</summary>
    public StageLedger Current
    {
        get
        {
            lock (gate)
            {
                return Now();
            }
        }
    }

    /// <summary>As of the last capture: what a commit of it writes.</summary>
    public StageLedger AtCapture { get; private set; } = atTake;

    public void Turn(Account next)
    {
        Tell(next);
        lock (gate)
        {
            (ledger, account) = (Now(), next);
        }
    }

    /// <summary>The owner is at its end.</summary>
    public void End() => Tell(null);

    /// <summary>A step is whole: the training so far may come to count.</summary>
    /// <returns>The training that went into it.</returns>
    public TimeSpan StepDone()
    {
        lock (gate)
        {
            ledger = Now();
            var took = ledger.TrainingSeconds - stepsDoneSeconds;
            stepsDoneSeconds = ledger.TrainingSeconds;
            return TimeSpan.FromSeconds(took);
        }
    }

    /// <summary>The state is captured; what was trained of a step that was broken off is lost.</summary>
    public void Captured()
    {
        lock (gate)
        {
            AtCapture = ledger = Now().Lose(stepsDoneSeconds);
        }
    }

    /// <summary>A commit has counted its checkpoint.</summary>
    /// <param name="checkpoints">Those of the stage, as its root has them now.</param>
    public void Committed(int checkpoints)
    {
        lock (gate)
        {
            ledger = ledger with { Checkpoints = checkpoints };
        }
    }

    /// <summary>The stage goes on from an older checkpoint, to which so much training had led.</summary>
    public void FellBack(double trainingSeconds)
    {
        lock (gate)
        {
            ledger = Now().Lose(trainingSeconds);
            stepsDoneSeconds = ledger.TrainingSeconds;
        }
    }

    private void Tell(Account? next)
    {
        var since = turnedAt;
        turnedAt = time.GetTimestamp();
        turned?.Invoke(account, time.GetElapsedTime(since, turnedAt), next);
    }

    private StageLedger Now() => ledger.Spend(account, time.GetUtcNow());
}
