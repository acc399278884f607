using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using Orleans.Metadata;
using Orleans.Runtime.Placement;
using Slowrun.Clustering.Machines;
using Slowrun.Clustering.Membership;
using Slowrun.Core.Plan;
using Slowrun.Grains.Interfaces;
using Slowrun.Grains.Loop;
using Slowrun.Grains.Members;
using Slowrun.Grains.Notices;
using Slowrun.Grains.Placement;
using Slowrun.Grains.Runs;
using Slowrun.Grains.Slots;
using Slowrun.Grains.Stages;
using Slowrun.Grains.Telemetry;
using Slowrun.Storage;
using Slowrun.Storage.Runs;

namespace Slowrun.Grains;

/// <summary>Registers the services that the grains of a silo share.</summary>
public static class GrainsRegistration
{
    /// <summary>Needs an <c>IObjectStore</c> and a <c>TimeProvider</c>. To be called after Orleans is added: hosted services stop in
    /// reverse order.</summary>
    /// <param name="slots">Names of the slots that this silo lends.</param>
    /// <param name="devices">Reads memory and utilization of those that are devices; null: there are none.</param>
    /// <param name="stages">How many stages this silo trains at a time; null: as many as it has slots.</param>
    /// <param name="exitWhenIdle">Leaves, and stops the host, when nothing was ready for so long; null: never.</param>
    public static IServiceCollection AddSlowrunGrains(
        this IServiceCollection services,
        IReadOnlyList<string> slots,
        int? stages = null,
        TimeSpan? exitWhenIdle = null,
        NvidiaDevices? devices = null
    )
    {
        services.AddPlacementDirector<NamedSilo, NamedSiloDirector>();
        return services
            .AddSingleton<IPlacementStrategyResolver, NamedSiloGrains>()
            .AddSingleton(new SlotTable(slots))
            .AddSingleton<FleetWork>()
            .AddSingleton<IWorkload>(services => services.GetRequiredService<FleetWork>())
            .AddSingleton(services => new IdleClock(exitWhenIdle, services.GetRequiredService<TimeProvider>()))
            .AddSingleton(_ => new SlotSensors(devices))
            .AddSingleton<ProcessorSensor>()
            .AddSingleton<LoopPulse>()
            .AddSingleton<LookPace>()
            .AddSingleton<SiloGauges>()
            .AddSingleton<LocalWork>()
            .AddSingleton(services => new StageRoom(stages, services.GetRequiredService<LocalWork>()))
            .AddSingleton<SiloDrain>()
            .AddSingleton<SiloSlots>()
            .AddSingleton<OfferPace>()
            .AddSingleton<ReadySince>()
            .AddSingleton<TakeRefusals>()
            .AddSingleton<StoreTroubles>()
            .AddSingleton<TokenSets>()
            .AddSingleton<Fingerprints>()
            .AddSingleton<StageInputsLoader>()
            .AddSingleton<TakePreparation>()
            .AddSingleton<StageTaker>()
            .AddSingleton<ProgressPump>()
            .AddSingleton<MemberScoring>()
            .AddSingleton<Offering>()
            .AddSingleton<Offers>()
            .AddSingleton<SlotMoving>()
            .AddSingleton<OrphanRelease>()
            .AddSingleton<DocumentMending>()
            .AddSingleton<EnsembleScoring>()
            .AddSingleton<ScoringTrouble>()
            .AddSingleton(services => new RunFactsReader(
                services.GetRequiredService<IObjectStore>(),
                services.GetRequiredService<TimeProvider>()
            ))
            .AddSingleton<LivingSilos>()
            .AddSingleton<ILivingOwners>(services => services.GetRequiredService<LivingSilos>())
            .AddSingleton<RunWatch>()
            .AddSingleton<WakeableSilos>()
            .AddSingleton<IGrainInterfacePropertiesProvider, WakeableSilos.Said>()
            .AddSingleton<Wakes>()
            .AddSingleton<Warming>()
            .AddSingleton<RunAsking>()
            .AddSingleton<Look>()
            .AddSingleton<LossWake>()
            .AddSingleton<IdleLeave>()
            .AddSingleton(services => new NoticeOutbox(
                services.GetRequiredService<IObjectStore>(),
                () => services.GetRequiredService<LivingSilos>().Now,
                (silo, run, notice, receiver) =>
                    services.GetRequiredService<IGrainFactory>().GetGrain<ISiloGrain>(silo).Notify(run, notice, receiver),
                services.GetService<INoticeSender>(),
                services.GetRequiredService<ILocalSiloDetails>(),
                services.GetRequiredService<TimeProvider>(),
                services.GetRequiredService<ILogger<NoticeOutbox>>()
            ))
            // Before the slot loop: it stops later, since the loop's last work may end a run.
            .AddHostedService(services => services.GetRequiredService<NoticeOutbox>())
            .AddHostedService(services => services.GetRequiredService<ProcessorSensor>())
            .AddHostedService<StoreTroubleLog>()
            .AddHostedService<ClockCheck>()
            .AddHostedService<SlotLoop>();
    }
}
