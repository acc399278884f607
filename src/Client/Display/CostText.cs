using Slowrun.Core;
using Slowrun.Reading.Costs;

namespace Slowrun.Client.Display;

/// <summary>What a run costs, in a line.</summary>
internal static class CostText
{
    /// <returns>Null: no price is known.</returns>
    public static string? Line(RunCost? cost)
    {
        if (cost is not { SoFar: { } soFar, MachineHours: { } hours, PricePerHour: { } price })
        {
            return null;
        }

        var at = $"at {RunCost.Money(price)} an hour: {cost.PriceFrom}";
        return cost switch
        {
            { Expected: { } all, ExpectedMachineHours: { } allHours } => all == soFar
                ? $"Cost: {RunCost.Money(soFar)} ({Machines(hours)} of machines {at})"
                : $"Cost: {RunCost.Money(soFar)} so far, about {RunCost.Money(all)} in all ({Machines(hours)} of {Machines(allHours)} of machines {at})",
            _ => $"Cost: {RunCost.Money(soFar)} so far ({Machines(hours)} of machines {at}). {cost.Unknown}",
        };
    }

    private static string Machines(double hours) => Human.Time(TimeSpan.FromHours(hours));
}
