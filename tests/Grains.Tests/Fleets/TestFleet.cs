using System.Net;
using System.Net.Sockets;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Orleans.Configuration;
using Orleans.Runtime.Placement;
using Slowrun.Clustering.Hosting;
using Slowrun.Clustering.Membership;
using Slowrun.Core;
using Slowrun.Core.Plan;
using Slowrun.Core.Status;
using Slowrun.Grains.Interfaces;
using Slowrun.Grains.Loop;
using Slowrun.Grains.Slots;
using Slowrun.Grains.Stages;
using Slowrun.Storage;

namespace Slowrun.Grains.Tests.Fleets;

/// <summary>What each silo of a fleet lends.</summary>
/// <param name="Stages">That it trains at a time; null: as many as it has slots.</param>
internal sealed record FleetSlots(IReadOnlyList<string> Slots, int? Stages);

/// <summary>
/// Several silos in this process with the grains and the clustering of a real one, on one store, with a slot each. A silo that is declared
/// dead lives on here, and so do its trainers: as on a machine that was frozen, or cut off from the others.
/// </summary>
internal sealed class TestFleet : IAsyncDisposable
{
    public static readonly string[] Slot = ["cpu:0"];

    private readonly Activations activations = new();
    private readonly List<IHost> silos = [];

    private TestFleet() { }

    /// <param name="loops">Whether the silos look for work themselves, or wait for what a test offers.</param>
    /// <param name="onlyWoken">Whether their loops look for work once, and then only when they are woken.</param>
    /// <param name="lends">Null: <see cref="Slot"/>.</param>
    public static async Task<TestFleet> StartAsync(
        IObjectStore store,
        int silos,
        bool loops,
        bool onlyWoken = false,
        FleetSlots? lends = null
    )
    {
        var fleet = new TestFleet();
        for (var i = 0; i < silos; i++)
        {
            await fleet.AddAsync(store, loops, onlyWoken, lends);
        }

        return fleet;
    }

    /// <inheritdoc cref="StartAsync"/>
    public async Task AddAsync(IObjectStore store, bool loops, bool onlyWoken = false, FleetSlots? lends = null)
    {
        var cluster = await StoreCluster.FoundAsync(store, TestContext.Current.CancellationToken);
        var host = Build(store, cluster, $"silo-{silos.Count}", loops, onlyWoken, lends ?? new(Slot, null));
        silos.Add(host);
        await host.StartAsync(TestContext.Current.CancellationToken);
    }

    public T The<T>(int silo)
        where T : notnull => silos[silo].Services.GetRequiredService<T>();

    public string Address(int silo) => The<ILocalSiloDetails>(silo).SiloAddress.ToParsableString();

    /// <summary>Offers a silo's slot to a stage, as its loop does: wherever the grain is, and again while it moves.</summary>
    /// <returns>Whether the silo is at it now.</returns>
    public async Task<bool> OfferAsync(int silo, string run, StageId stage)
    {
        var work = WorkName.Train(run, stage);
        await The<Offering>(silo)
            .MakeAsync(work, Slot, () => CallAsync(silo, run, stage, Offer(silo)), TestContext.Current.CancellationToken);
        return The<LocalWork>(silo).Has(work);
    }

    /// <summary>One call of the stage grain, which is activated on the calling silo if it is nowhere.</summary>
    public async Task<TakeAnswer> TakeAsync(int silo, string run, StageId stage, SlotOffer offer)
    {
        RequestContext.Set(IPlacementDirector.PlacementHintKey, The<ILocalSiloDetails>(silo).SiloAddress);
        try
        {
            return await CallAsync(silo, run, stage, offer);
        }
        finally
        {
            RequestContext.Remove(IPlacementDirector.PlacementHintKey);
        }
    }

    /// <summary>One call of the run grain, which is activated on the calling silo if it is nowhere.</summary>
    public async Task<RunStatus?> StatusAsync(int silo, string run)
    {
        RequestContext.Set(IPlacementDirector.PlacementHintKey, The<ILocalSiloDetails>(silo).SiloAddress);
        try
        {
            return await The<IGrainFactory>(silo).GetGrain<IRunGrain>(run).GetStatus();
        }
        finally
        {
            RequestContext.Remove(IPlacementDirector.PlacementHintKey);
        }
    }

    /// <summary>The activation that the last call of the run grain reached.</summary>
    public IGrainContext ActivationOf(string run) => activations.Of(The<IGrainFactory>(0).GetGrain<IRunGrain>(run).GetGrainId());

    public SlotOffer Offer(int silo, long? epochToken = null) => new(Address(silo), Slot, epochToken);

    /// <summary>The activation that the last call of the stage grain reached.</summary>
    public IGrainContext ActivationOf(string run, StageId stage) =>
        activations.Of(The<IGrainFactory>(0).GetGrain<IStageGrain>(StageKey.Of(run, stage)).GetGrainId());

    /// <summary>Ends the stage grain's activation, whatever it is at.</summary>
    public async Task DeactivateAsync(string run, StageId stage)
    {
        var activation = ActivationOf(run, stage);
        activation.Deactivate(new DeactivationReason(DeactivationReasonCode.ApplicationRequested, "A test ends it."));
        await activation.Deactivated.WaitAsync(TestContext.Current.CancellationToken);
    }

    /// <summary>The silo leaves as one that is told to stop.</summary>
    public async Task LeaveAsync(int silo) => await silos[silo].StopAsync(TestContext.Current.CancellationToken);

    /// <summary>Declares a silo dead, which goes on living, and lets <paramref name="seenBy"/> know.</summary>
    public async Task BuryAsync(int silo, int seenBy)
    {
        // Past the silos, which would want a proof.
        var table = new StoreMembershipTable(The<IObjectStore>(silo), self: null);
        bool written;
        do
        {
            var now = await table.ReadAllAsync(TestContext.Current.CancellationToken);
            var (entry, etag) = now.TryGet(The<ILocalSiloDetails>(silo).SiloAddress)!;
            entry.Status = SiloStatus.Dead;
            written = await table.UpdateRowAsync(entry, etag, now.Version.Next(), TestContext.Current.CancellationToken);
        } while (!written);
        await The<IClusterMembershipService>(seenBy).Refresh(default, TestContext.Current.CancellationToken);
    }

    /// <summary>Waits until a silo has seen that another is dead.</summary>
    public Task UntilGoneAsync(int silo, int seenBy)
    {
        var address = The<ILocalSiloDetails>(silo).SiloAddress;
        return Until.HoldsAsync(() => The<IClusterMembershipService>(seenBy).CurrentSnapshot.GetSiloStatus(address) == SiloStatus.Dead);
    }

    public async ValueTask DisposeAsync()
    {
        // A trainer that outlives its test would end with the process, inside libtorch.
        await Task.WhenAll(
            silos.Select(silo => silo.Services.GetRequiredService<LocalWork>().StopAsync(StopReason.Fenced, null, CancellationToken.None))
        );
        foreach (var silo in silos)
        {
            await silo.StopAsync(new CancellationToken(canceled: true));
            silo.Dispose();
        }
    }

    private Task<TakeAnswer> CallAsync(int silo, string run, StageId stage, SlotOffer offer) =>
        The<IGrainFactory>(silo).GetGrain<IStageGrain>(StageKey.Of(run, stage)).Take(offer);

    private IHost Build(IObjectStore store, StoreCluster cluster, string name, bool loops, bool onlyWoken, FleetSlots lends)
    {
        var builder = Host.CreateApplicationBuilder();
        builder.Logging.ClearProviders();
        builder.Services.AddSingleton(store).AddSingleton(TimeProvider.System);
        var (silo, gateway) = FreePorts();
        builder.UseOrleans(orleans =>
            orleans
                .ConfigureEndpoints(IPAddress.Loopback, silo, gateway)
                .Configure<SiloOptions>(options => options.SiloName = name)
                .UseStoreClustering(store, cluster)
                .AddStoreGrainStorage("stages", store)
                .AddIncomingGrainCallFilter(activations)
                // A silo that is dead to the others ends its process otherwise.
                .Services.AddSlowrunRecords()
                .AddSingleton<IFatalErrorHandler>(new Undying())
        );
        builder.Services.AddSlowrunGrains(lends.Slots, lends.Stages);
        if (onlyWoken)
        {
            builder.Services.AddSingleton(new LookPace(new Backoff(TimeSpan.FromHours(1), TimeSpan.FromHours(1))));
        }

        if (!loops)
        {
            builder.Services.Remove(builder.Services.Single(service => service.ImplementationType == typeof(SlotLoop)));
        }

        return builder.Build();
    }

    private static (int Silo, int Gateway) FreePorts()
    {
        using var silo = Listen();
        using var gateway = Listen();
        return (((IPEndPoint)silo.LocalEndpoint).Port, ((IPEndPoint)gateway.LocalEndpoint).Port);
    }

    /// <summary>Not at a port that the system may give a connection before the silo listens: Linux takes those from 32768 up.</summary>
    private static TcpListener Listen()
    {
        while (true)
        {
            var listener = new TcpListener(IPAddress.Loopback, Random.Shared.Next(10_000, 32_768));
            try
            {
                listener.Start();
                return listener;
            }
            catch (SocketException)
            {
                listener.Dispose();
            }
        }
    }

    private sealed class Undying : IFatalErrorHandler
    {
        public bool IsUnexpected(Exception exception) => false;

        public void OnFatalException(object? sender, string? context, Exception? exception) { }
    }
}
