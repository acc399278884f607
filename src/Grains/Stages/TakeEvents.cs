using System.Globalization;
using Slowrun.Core.Stages;

namespace Slowrun.Grains.Stages;

/// <summary>The events of a take.</summary>
internal static class TakeEvents
{
    /// <summary>Reports the owner that was lost, of a changed or unrepeatable arithmetic, and of the take itself.</summary>
    /// <param name="before">The root that the take replaced; null: the stage was never taken.</param>
    /// <param name="root">The root as the take wrote it.</param>
    public static async Task TellAsync(StageOwnership own, StageRoot? before, StageRoot root, long lostSteps, OwnerLoss loss)
    {
        if (before?.Owner is { } lost)
        {
            var seconds = root.Ledger.LostSeconds - before.Ledger.LostSeconds;
            var away = root.Ledger.DownSeconds + root.Ledger.SlotSeconds - before.Ledger.DownSeconds - before.Ledger.SlotSeconds;
            var told = string.Create(
                CultureInfo.InvariantCulture,
                $"{lost.SiloName} is gone with {string.Join(' ', lost.Slots)}{(loss.Words.Length > 0 ? $" ({loss.Words})" : "")}; {lostSteps} steps after step {root.DurableStep} are lost ({seconds:F1} s of training), and it had no owner for {away:F1} s."
            );
            await own.TellAsync(EventKind.OwnerLost, told, lost.SiloName, new EventCost(lostSteps, seconds, away));
        }

        if (before?.Identity is { } begun && begun != root.Identity)
        {
            await own.TellAsync(
                EventKind.DeviceAdopted,
                $"It goes on from step {root.DurableStep} with the arithmetic of {root.Identity!.NumericsFingerprint[..12]} instead of {begun.NumericsFingerprint[..12]}, as the user allowed: from here on its bytes depend on when that was."
            );
        }

        if (before?.Identity is null && root.Identity is { IsRepeatable: false })
        {
            await own.TellAsync(
                EventKind.BestEffort,
                $"{string.Join(' ', root.Owner!.Slots)} of {root.Owner.SiloName} does not give the same bits twice: the stage is trained as well, but its bytes cannot be reproduced."
            );
        }

        await own.TellAsync(
            EventKind.StageTaken,
            root.DurableStep > 0
                ? $"{root.Owner!.SiloName} goes on from step {root.DurableStep} of {root.Steps} (epoch token {root.EpochToken})."
                : $"{root.Owner!.SiloName} begins its {root.Steps} steps (epoch token {root.EpochToken})."
        );
    }
}
