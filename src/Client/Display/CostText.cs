using System.Globalization;
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

        var at = $"at {Money(price)} an hour: {cost.PriceFrom}";
        return cost switch
        {
            { Expected: { } all, ExpectedMachineHours: { } allHours } => all == soFar
                ? $"Cost: {Money(soFar)} ({Machines(hours)} of machines {at})"
                : $"Cost: {Money(soFar)} so far, about {Money(all)} in all ({Machines(hours)} of {Machines(allHours)} of machines {at})",
            _ => $"Cost: {Money(soFar)} so far ({Machines(hours)} of machines {at}). {cost.Unknown}",
        };
    }

    /// <summary>Four digits where two would be none.</summary>
    public static string Money(double? cost) =>
        cost is not { } known ? "" : known.ToString(known is > 0 and < 1 ? "0.0000" : "#,0.00", CultureInfo.InvariantCulture);

    private static string Machines(double hours) => Human.Time(TimeSpan.FromHours(hours));
}
