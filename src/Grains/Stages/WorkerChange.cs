using Microsoft.Extensions.Logging;
using Slowrun.Grains.Slots;
using Slowrun.Training.Devices;
using Slowrun.Training.Stages;

namespace Slowrun.Grains.Stages;

/// <summary>
/// Has a stage go on with the slots that its silo's loop asks for, between two steps. More: the root names them first, then they are used.
/// Fewer: they are left first, then the root names them no more, then they are free.
/// </summary>
internal sealed partial class WorkerChange(
    StageWork work,
    StageOwnership own,
    StageTraining training,
    CheckpointPipeline checkpoints,
    HeldSlots held,
    ILogger log
)
{
    private IReadOnlyList<string> inUse = held.Used;

    /// <summary>Called on the trainer thread after each step.</summary>
    public void AfterStep()
    {
        if (training.Step == training.Steps)
        {
            return;
        }

        if (held.Asked is not { } asked)
        {
            if (held.Used is var named && named.Count > inUse.Count)
            {
                Use(named);
            }

            return;
        }

        if (!checkpoints.IsIdle)
        {
            return;
        }

        if (asked.Count < inUse.Count)
        {
            Use(asked);
        }

        var step = training.Step;
        checkpoints.Write(async token =>
        {
            await own.UseSlotsAsync(asked, step, token);
            held.Changed();
        });
    }

    private void Use(IReadOnlyList<string> slots)
    {
        var workers = training.Use(new ComputeDevices(slots));
        LogUses(log, work.Name, string.Join(' ', slots), training.Step);
        inUse = slots;
        if (workers < slots.Count)
        {
            LogFull(log, work.Name, workers);
            held.Fit(workers);
        }
    }

    [LoggerMessage(Level = LogLevel.Information, Message = "{Stage} trains on {Slots} from step {Step} on.")]
    private static partial void LogUses(ILogger logger, string stage, string slots, int step);

    [LoggerMessage(
        Level = LogLevel.Warning,
        Message = "{Stage} cannot have more workers, most likely for want of memory, and stays with {Workers}."
    )]
    private static partial void LogFull(ILogger logger, string stage, int workers);
}
