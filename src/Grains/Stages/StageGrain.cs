using Microsoft.Extensions.Logging;
using Slowrun.Core.Plan;
using Slowrun.Core.Stages;
using Slowrun.Grains.Interfaces;
using Slowrun.Grains.Slots;
using Slowrun.Storage;
using Slowrun.Storage.Checkpoints;
using Slowrun.Storage.Runs;

namespace Slowrun.Grains.Stages;

/// <summary>
/// One stage: the thin shell that gives a <see cref="StageRunner"/> its root document, its slots and its life. Takes only slots of the silo
/// it lives on; offered others, it moves there.
/// </summary>
[GrainType("stage")]
internal sealed partial class StageGrain(
    [PersistentState("root", "stages")] IPersistentState<StageRoot> root,
    StageTaker taker,
    SiloSlots slots,
    IObjectStore store,
    ProgressPump pump,
    ILocalSiloDetails silo,
    ILogger<StageGrain> log
) : Grain, IStageGrain
{
    private GrainRootDocument? document;
    private int underWay;

    public async Task<TakeAnswer> Take(SlotOffer offer)
    {
        var (run, id) = StageKey.Parse(this.GetPrimaryKeyString());
        var answer = slots.Ask(offer, WorkName.Train(run, id), MigrateOnIdle, out var admitted);
        if (admitted is null)
        {
            EndUnused(answer);
            return answer;
        }

        underWay++;
        StageRunner? runner = null;
        try
        {
            document = new GrainRootDocument(root, TaskScheduler.Current, GrainContext.Deactivated, new RunDocuments(store, run).Root(id));
            var taken = await taker.TakeAsync(run, id, document, offer, silo.Name);
            runner = taken.Runner;
            if (runner is null)
            {
                return new TakeAnswer(false, taken.Reason);
            }
        }
        finally
        {
            if (runner is null)
            {
                GiveUp(admitted);
            }
        }

        // A computing grain looks idle to Orleans, and idle grains are collected.
        DelayDeactivation(Timeout.InfiniteTimeSpan);
        admitted.Run(runner.Stop, runner.Completion, runner.Held, runner.LetGo);
        runner.Start();
        pump.Start(runner);
        _ = EndAsync(runner, admitted);
        return answer;
    }

    public override Task OnDeactivateAsync(DeactivationReason reason, CancellationToken cancellationToken)
    {
        document?.End();
        // A runner that has let the stage go writes nothing through this activation any more, and a stopping silo has stopped its runners
        // already. Otherwise the activation ends because a silo that held its directory entry left:
        // the runner owns the stage by its epoch token, not by its activation, and goes on.
        if (slots.IsHeld(WorkName.Train(this.GetPrimaryKeyString())))
        {
            LogDeactivated(log, this.GetPrimaryKeyString(), reason.Description);
        }

        return Task.CompletedTask;
    }

    private async Task EndAsync(StageRunner runner, Admitted admitted)
    {
        var reason = await runner.Completion;
        admitted.Ended(reason, runner.FirstStep.IsCompleted);
        GiveUp(admitted);
    }

    /// <summary>An activation without work would have to move for the next offer of another silo, and one of a stage that does not exist
    /// would stay in memory: it ends.</summary>
    private void GiveUp(Admitted admitted)
    {
        admitted.Dispose();
        if (--underWay == 0)
        {
            DeactivateOnIdle();
        }
    }

    /// <summary>Likewise one whose first offer was not let in; one that moves ends by that.</summary>
    private void EndUnused(TakeAnswer answer)
    {
        if (underWay == 0 && !answer.Moving)
        {
            DeactivateOnIdle();
        }
    }

    [LoggerMessage(Level = LogLevel.Information, Message = "The activation of {Stage} " + SiloLogText.ActivationEnds + ": {Reason}")]
    private static partial void LogDeactivated(ILogger logger, string stage, string reason);
}
