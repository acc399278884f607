using Slowrun.Core.Ledger;

namespace Slowrun.Core.Simulation;

/// <summary>What came of one simulated run.</summary>
/// <param name="FinishedSeconds">From the submission to the last average; null: it had not finished at the horizon.</param>
/// <param name="Cost">Of all machines, until the last one has ended.</param>
/// <param name="Ledger">As <c>slowrun goodput</c> has it.</param>
/// <param name="MachinesLost">Also those that had nothing to do.</param>
/// <param name="Events">Handled.</param>
/// <param name="Store">Until the run was over, or the simulation gave up.</param>
public sealed record SimulatedRun(
    double? FinishedSeconds,
    double Cost,
    double MachineHours,
    RunLedger Ledger,
    int MachinesLost,
    long Events,
    StoreUse Store
);
