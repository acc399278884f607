using Slowrun.Reading;

namespace Slowrun.Web.Api;

/// <summary>Silos, with the stages that runs say they hold.</summary>
internal static class SiloAnswers
{
    public static async Task<IReadOnlyList<SiloAnswer>> ReadAsync(RunLibrary library, CancellationToken cancellationToken)
    {
        var silos = await library.SilosAsync(cancellationToken);
        var asking = library.LoadsAsync(cancellationToken);
        var runs = await library.ListAsync(cancellationToken);
        var loads = (await asking).ToDictionary(load => load.Silo, StringComparer.Ordinal);
        // As owners reported it last: where the silo itself does not answer.
        var devices = runs
            .Runs.SelectMany(run => run.Stages)
            .Where(stage => stage.Owner is not null)
            .SelectMany(stage => (stage.Devices ?? []).Select(use => (stage.Owner!.Silo, Use: use)))
            .ToLookup(pair => pair.Silo, pair => pair.Use, StringComparer.Ordinal);
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
                .Select(silo => new SiloAnswer(silo.Silo, silo.Name, silo.Active, silo.LastSign, silo.Slots, [.. held[silo.Silo]])
                {
                    Devices =
                        loads.GetValueOrDefault(silo.Silo)?.Devices
                        ?? (devices.Contains(silo.Silo) ? [.. devices[silo.Silo].DistinctBy(use => use.Slot)] : null),
                    Processors = loads.GetValueOrDefault(silo.Silo)?.Processors,
                }),
        ];
    }
}
