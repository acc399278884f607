using Slowrun.Core.Stages;

namespace Slowrun.Grains.Stages;

/// <summary>Adds up where an owner's time goes, on top of what earlier owners had committed. Written by the trainer thread, read by commits.</summary>
internal sealed class LedgerClock(StageLedger before)
{
    private readonly Lock gate = new();
    private StageLedger ledger = before;

    public StageLedger Current
    {
        get
        {
            lock (gate)
            {
                return ledger;
            }
        }
    }

    public void Trained(TimeSpan time) => Add(old => old with { TrainingSeconds = old.TrainingSeconds + time.TotalSeconds });

    public void Restored(TimeSpan time) => Add(old => old with { RestoreSeconds = old.RestoreSeconds + time.TotalSeconds });

    public void Stalled(TimeSpan time) => Add(old => old with { StallSeconds = old.StallSeconds + time.TotalSeconds });

    public void Checkpointed() => Add(old => old with { Checkpoints = old.Checkpoints + 1 });

    private void Add(Func<StageLedger, StageLedger> change)
    {
        lock (gate)
        {
            ledger = change(ledger);
        }
    }
}
