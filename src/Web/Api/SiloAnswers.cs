using Slowrun.Reading;

namespace Slowrun.Web.Api;

/// <summary>Silos, with the stages that runs say they hold.</summary>
internal static class SiloAnswers
{
    public static async Task<IReadOnlyList<SiloAnswer>> ReadAsync(RunLibrary library, CancellationToken cancellationToken)
    {
        var silos = await library.SilosAsync(cancellationToken);
        var runs = await library.ListAsync(cancellationToken);
        var held = runs
            .Runs.SelectMany(run =>
                run.Stages.Where(stage => stage.Owner is not null)
                    .Select(stage => (Silo: stage.Owner!.Silo, Slot: new HeldSlot(run.Name, stage.Id, stage.Owner.Slots)))
            )
            .ToLookup(pair => pair.Silo, pair => pair.Slot, StringComparer.Ordinal);
        return
        [
            .. silos
                .OrderBy(silo => silo.Name, StringComparer.Ordinal)
                .Select(silo => new SiloAnswer(silo.Silo, silo.Name, silo.Active, silo.LastSign, silo.Slots, [.. held[silo.Silo]])),
        ];
    }
}
