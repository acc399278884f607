using System.Globalization;
using Slowrun.Core.Plan;
using Slowrun.Core.Status;

namespace Slowrun.Reading.Costs;

/// <summary>
/// What a run cost so far, and what it is expected to cost in all: the time for which machines owned its stages (restore, training that
/// counts or was lost, stall), at the price of a machine. Boot, idle machines and those that are gone are no part of it.
/// </summary>
public sealed record RunCost
{
    /// <summary>In the price's currency. Null: <see cref="Unknown"/> says why.</summary>
    public double? SoFar { get; init; }

    /// <summary>In all; of a run that is over, as <see cref="SoFar"/>. Null: <see cref="Unknown"/> says why.</summary>
    public double? Expected { get; init; }

    /// <summary>Machine hours so far.</summary>
    public double? MachineHours { get; init; }

    public double? ExpectedMachineHours { get; init; }

    /// <summary>Of one machine.</summary>
    public double? PricePerHour { get; init; }

    /// <summary>Where the price is from.</summary>
    public string? PriceFrom { get; init; }

    /// <summary>Why a figure is not known, in a sentence; null: all are.</summary>
    public string? Unknown { get; init; }

    internal const string NoPrice =
        "No price of a machine is known: give --price N, or --size NAME for a price of 'slowrun plan --show-machines'.";

    internal const string NoLedger = "It is not known where the run's time went: its silos are of a version that keeps no ledger.";

    internal const string NoSpeed = "What is left is not known: no stage trains now, so that there is no speed to go by.";

    /// <summary>For people; four digits where two would be none, and nothing where it is not known.</summary>
    public static string Money(double? cost) =>
        cost is not { } known ? "" : known.ToString(known is > 0 and < 1 ? "0.0000" : "#,0.00", CultureInfo.InvariantCulture);

    /// <param name="plan">The run's; null: what is left is not known.</param>
    /// <param name="price">Null: none is known.</param>
    public static RunCost Of(RunStatus status, RunPlan? plan, MachinePrice? price)
    {
        ArgumentNullException.ThrowIfNull(status);
        if (price is null || status.Ledger is not { Chains: var sums })
        {
            return new RunCost { Unknown = price is null ? NoPrice : NoLedger };
        }

        var owned = sums.TrainingSeconds + sums.LostSeconds + sums.RestoreSeconds + sums.StallSeconds;
        var hours = price.Hours(owned);
        var left =
            Readiness.IsOver(status.State) ? 0
            : plan is null ? null
            : Eta.LeftByChain(status, plan)?.Sum();
        // What is left will have its share of restores, lost training and stalls too.
        double? all = left is { } training
            ? hours + price.Hours(training * (sums.TrainingSeconds > 0 ? owned / sums.TrainingSeconds : 1))
            : null;
        return new RunCost
        {
            SoFar = hours * price.PerHour,
            Expected = all * price.PerHour,
            MachineHours = hours,
            ExpectedMachineHours = all,
            PricePerHour = price.PerHour,
            PriceFrom = price.From,
            Unknown = all is null ? NoSpeed : null,
        };
    }
}
