using Slowrun.Core.Plan;
using Slowrun.Core.Stages;
using Slowrun.Core.Status;

namespace Slowrun.Reading.Explain;

/// <summary>Failures and delays that living silos see at the store, and which hold up all their work.</summary>
internal static class StoreCauses
{
    /// <param name="concerned">Stages that the explanation is about.</param>
    public static IEnumerable<Cause> Of(ExplainContext now, IReadOnlyList<StageId> concerned)
    {
        ArgumentNullException.ThrowIfNull(now);
        foreach (var silo in now.StoreTroubles.GroupBy(trouble => trouble.SiloName))
        {
            string[] stages = [.. concerned.Where(id => now.Facts.LivingOwnerOf(id)?.SiloName == silo.Key).Select(id => id.ToString())];
            // Failures before delays: they are the more likely cause.
            var told = silo.OrderBy(trouble => trouble.Store.IsSlow).ThenByDescending(trouble => trouble.Store.At).ToList();
            yield return new Cause(
                "store-trouble",
                stages,
                $"{string.Join(' ', told.Select(trouble => TroubleText.Of(trouble, now.Now)))} {Consequence(told)}",
                $"slowrun doctor --store {now.Store}"
            );
        }
    }

    public static bool Has(ExplainContext now, string siloName) => now.StoreTroubles.Any(trouble => trouble.SiloName == siloName);

    private static string Consequence(IReadOnlyList<SiloTrouble> told) =>
        told.Any(trouble => trouble.Store is { IsSlow: false, Work: StoreWork.Write or StoreWork.Upload })
            ? "It trains on and tries again, but nothing new becomes durable until that is mended; what was committed is kept."
            : "It tries again; what was committed is kept.";
}
