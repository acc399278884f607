using Slowrun.Core.Plan;
using Slowrun.Core.Stages;
using Slowrun.Core.Status;
using Slowrun.Grains.Interfaces;
using Slowrun.Grains.Stages;

namespace Slowrun.Grains.Tests.Simulation;

/// <summary>The grains that a slot loop calls, as a silo reaches them.</summary>
/// <param name="find">The grain of an interface and a key; null: none is expected to be called.</param>
internal sealed class SimGrains(Func<Type, string, object?> find) : IGrainFactory
{
    public SimGrains(SimFleet fleet, SimSilo silo)
        : this(
            (type, key) =>
                type == typeof(IRunGrain) ? new ToRun(fleet, silo)
                : type == typeof(IStageGrain) ? new ToStage(fleet, silo, StageKey.Parse(key).Stage)
                : null
        ) { }

    public TGrainInterface GetGrain<TGrainInterface>(string primaryKey, string? grainClassNamePrefix = null)
        where TGrainInterface : IGrainWithStringKey =>
        find(typeof(TGrainInterface), primaryKey) is { } grain ? (TGrainInterface)grain : throw Unused();

    public TGrainInterface GetGrain<TGrainInterface>(Guid primaryKey, string? grainClassNamePrefix = null)
        where TGrainInterface : IGrainWithGuidKey => throw Unused();

    public TGrainInterface GetGrain<TGrainInterface>(long primaryKey, string? grainClassNamePrefix = null)
        where TGrainInterface : IGrainWithIntegerKey => throw Unused();

    public TGrainInterface GetGrain<TGrainInterface>(Guid primaryKey, string keyExtension, string? grainClassNamePrefix = null)
        where TGrainInterface : IGrainWithGuidCompoundKey => throw Unused();

    public TGrainInterface GetGrain<TGrainInterface>(long primaryKey, string keyExtension, string? grainClassNamePrefix = null)
        where TGrainInterface : IGrainWithIntegerCompoundKey => throw Unused();

    public TGrainObserverInterface CreateObjectReference<TGrainObserverInterface>(IGrainObserver obj)
        where TGrainObserverInterface : IGrainObserver => throw Unused();

    public void DeleteObjectReference<TGrainObserverInterface>(IGrainObserver obj)
        where TGrainObserverInterface : IGrainObserver => throw Unused();

    public IGrain GetGrain(Type grainInterfaceType, Guid grainPrimaryKey) => throw Unused();

    public IGrain GetGrain(Type grainInterfaceType, long grainPrimaryKey) => throw Unused();

    public IGrain GetGrain(Type grainInterfaceType, string grainPrimaryKey) => throw Unused();

    public IGrain GetGrain(Type grainInterfaceType, Guid grainPrimaryKey, string keyExtension) => throw Unused();

    public IGrain GetGrain(Type grainInterfaceType, long grainPrimaryKey, string keyExtension) => throw Unused();

    public IAddressable GetGrain(Type interfaceType, IdSpan grainKey) => throw Unused();

    public IAddressable GetGrain(Type interfaceType, IdSpan grainKey, string grainClassNamePrefix) => throw Unused();

    public TGrainInterface GetGrain<TGrainInterface>(GrainId grainId)
        where TGrainInterface : IAddressable => throw Unused();

    public IAddressable GetGrain(GrainId grainId) => throw Unused();

    public IAddressable GetGrain(GrainId grainId, GrainInterfaceType interfaceType) => throw Unused();

    private static NotSupportedException Unused() => new("A slot loop does not call this in the simulation.");

    private sealed class ToRun(SimFleet fleet, SimSilo silo) : IRunGrain
    {
        public Task<RunNews?> Look(RunQuestion question) => fleet.OnRunAsync(silo, desk => desk.LookAsync(question));

        public Task<OwnerOrders> Report(StageProgress progress) =>
            fleet.OnRunAsync(silo, async desk => (await desk.ReportAsync(progress))!);

        public Task<RunStatus?> GetStatus() => throw Unused();

        public Task Poke() => throw Unused();
    }

    private sealed class ToStage(SimFleet fleet, SimSilo silo, StageId id) : IStageGrain
    {
        public Task<TakeAnswer> Take(SlotOffer offer) => fleet.Offer(id).TakeAsync(silo, offer);
    }
}
