using Slowrun.Core.Plan;
using Slowrun.Core.Specs;
using Slowrun.Core.Stages;
using Slowrun.Core.Status;
using Slowrun.Grains.Interfaces;
using Slowrun.Grains.Notices;
using Slowrun.Grains.Slots;
using Slowrun.Grains.Telemetry;

namespace Slowrun.Grains.Runs;

/// <summary>
/// Answers for a run from memory: documents read a moment ago, overlaid with the owners' later reports. It decides nothing, and its loss
/// loses nothing. It accepts only reports that a root confirms, and keeps nothing of runs that do not exist.
/// </summary>
[GrainType("run")]
internal sealed class RunGrain(
    RunWatch watch,
    SlotTable slots,
    SiloGauges gauges,
    StoreTroubles troubles,
    WakeableSilos wakeable,
    NoticeOutbox notices,
    ILocalSiloDetails silo,
    TimeProvider time
) : Grain, IRunGrain
{
    // Documents of others (scores, other silos' roots) are seen as often as owners report, once a second.
    private static readonly TimeSpan Fresh = TimeSpan.FromSeconds(0.9);

    // While owners report, facts are never older; without them the first question after a while waits for a reading.
    private static readonly TimeSpan Stale = TimeSpan.FromSeconds(2);

    private RunDesk? desk;

    private RunDesk Desk =>
        desk ??= new RunDesk(
            this.GetPrimaryKeyString(),
            silo.SiloAddress.ToParsableString(),
            watch,
            Wake,
            () => wakeable.Now,
            time,
            notices.Saw
        );

    private RunCache Reading => Desk.Reading;

    private bool IsOfARun => RunNames.IsValid(this.GetPrimaryKeyString());

    public async Task<RunStatus?> GetStatus()
    {
        var asOf = time.GetUtcNow();
        try
        {
            if (IsOfARun)
            {
                await Reading.RefreshAsync(Fresh, Stale, orders: true);
            }
        }
        catch (IOException) when (Reading.Facts is not null)
        {
            // The last facts, with the owners' reports and the store's failures, are better than no answer.
            asOf -= Reading.Age;
        }

        if (Reading.Facts is not { } facts)
        {
            return LetGo<RunStatus>();
        }

        var status = StatusBuilder.Build(
            facts with
            {
                Progress = Reading.Progress,
                AliveSilos = watch.AliveSilos(),
            },
            StatusSource.Cluster,
            time.GetUtcNow()
        );
        return status with
        {
            AsOf = asOf,
            StoreTroubles = SiloTrouble.Joined(status.StoreTroubles, troubles.Now.Select(trouble => new SiloTrouble(silo.Name, trouble))),
        };
    }

    public async Task Poke()
    {
        if (IsOfARun)
        {
            await Desk.PokeAsync();
        }

        if (Reading.Facts is null)
        {
            LetGo<RunFacts>();
            return;
        }

        slots.Poke();
    }

    public async Task<OwnerOrders> Report(StageProgress progress)
    {
        if (IsOfARun && await Desk.ReportAsync(progress) is { } orders)
        {
            return orders;
        }

        LetGo<RunFacts>();
        return new OwnerOrders(new RunIntent(), 0, null);
    }

    public async Task<RunNews?> Look(RunQuestion question)
    {
        var found = IsOfARun ? await Desk.LookAsync(question) : null;
        if (found is null)
        {
            return LetGo<RunNews>();
        }

        gauges.Look(Reading.Facts! with { Progress = Reading.Progress, AliveSilos = watch.AliveSilos() });
        return found;
    }

    private void Wake(string waiting, int among) => GrainFactory.GetGrain<ISiloGrain>(waiting).Wake(among).Ignore();

    /// <summary>Nothing stays in memory of a run that the store does not have: questions about made-up names must not fill it.</summary>
    private T? LetGo<T>()
        where T : class
    {
        Reading.Forget();
        DeactivateOnIdle();
        return null;
    }
}
