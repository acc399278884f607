using Slowrun.Core.Plan;
using Slowrun.Core.Stages;

namespace Slowrun.Core.Status;

/// <summary>A failure or delay that a living silo sees at the store.</summary>
/// <param name="SiloName">For people.</param>
public sealed record SiloTrouble(string SiloName, StoreTrouble Store) : ExtensibleRecord
{
    /// <summary>The last reports of the living owners of a run's stages; null: no trouble.</summary>
    public static IReadOnlyList<SiloTrouble>? Of(RunFacts facts)
    {
        ArgumentNullException.ThrowIfNull(facts);
        var told = facts
            .Plan.Stages.Select(stage =>
                (Owner: facts.LivingOwnerOf(stage.Id), Root: facts.RootOf(stage.Id), Progress: facts.Progress.GetValueOrDefault(stage.Id))
            )
            .Where(stage => stage.Owner is not null && stage.Progress?.EpochToken == stage.Root.EpochToken)
            .SelectMany(stage => (stage.Progress!.StoreTroubles ?? []).Select(trouble => new SiloTrouble(stage.Owner!.SiloName, trouble)));
        return Joined(told, []);
    }

    /// <summary>One for each silo and kind of trouble, the newest; null: none.</summary>
    public static IReadOnlyList<SiloTrouble>? Joined(IEnumerable<SiloTrouble>? some, IEnumerable<SiloTrouble> others)
    {
        SiloTrouble[] all =
        [
            .. (some ?? [])
                .Concat(others)
                .GroupBy(trouble => (trouble.SiloName, trouble.Store.Work, trouble.Store.IsSlow))
                .Select(group => group.MaxBy(trouble => trouble.Store.At)!)
                .OrderBy(trouble => trouble.SiloName, StringComparer.Ordinal),
        ];
        return all.Length == 0 ? null : all;
    }
}
