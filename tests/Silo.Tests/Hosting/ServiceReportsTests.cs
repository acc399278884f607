using System.Net;
using Microsoft.Extensions.Logging.Abstractions;
using Slowrun.Grains.Loop;
using Slowrun.Grains.Slots;
using Slowrun.Silo.Hosting;
using Slowrun.Silo.Http;
using Slowrun.Storage;

namespace Slowrun.Silo.Tests.Hosting;

/// <summary>What a service manager hears from a silo: a real socket, a made-up silo and clock.</summary>
public sealed class ServiceReportsTests : IAsyncDisposable
{
    private static readonly TimeSpan Limit = TimeSpan.FromSeconds(60);

    private readonly AwaitedTime time = new();
    private readonly NotifySocket socket = new();
    private readonly FakeSilo silo = new();
    private readonly FakeLifetime lifetime = new();
    private readonly LoopPulse pulse;
    private readonly SiloDrain drain;
    private readonly ServiceReports reports;

    public ServiceReportsTests()
    {
        pulse = new LoopPulse(time);
        var local = new LocalWork();
        drain = new SiloDrain(local, new MemoryStore(), silo, lifetime, time, NullLogger<SiloDrain>.Instance);
        reports = new ServiceReports(
            new ServiceManager(socket.Path, Limit, socket.Folder),
            new SiloHealth(silo, silo, pulse, local, lifetime),
            drain,
            lifetime,
            time,
            NullLogger<ServiceReports>.Instance
        );
    }

    private static CancellationToken Stop => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Reports_BeforeTheSlotLoopLooks_SayNothing()
    {
        await reports.StartAsync(Stop);
        await time.ForwardAsync(TimeSpan.FromMinutes(10));
        await time.ForwardAsync(TimeSpan.FromMinutes(10));

        pulse.Beat();
        await time.ForwardAsync(TimeSpan.FromSeconds(1));
        Assert.Equal("READY=1\nSTATUS=Serving.", await socket.NextAsync());
    }

    [Fact]
    public async Task Reports_WhenTheSiloServes_SayReadyOnceAndThenFeedTheWatchdogInTime()
    {
        pulse.Beat();
        await reports.StartAsync(Stop);
        Assert.Equal("READY=1\nSTATUS=Serving.", await socket.NextAsync());

        for (var i = 0; i < 5; i++)
        {
            pulse.Beat();
            await time.ForwardAsync(Limit / 3);
            Assert.Equal("WATCHDOG=1", await socket.NextAsync());
        }
    }

    [Fact]
    public async Task Reports_WhenTheSlotLoopFallsSilent_FeedNoMoreAndGoOnWhenItLooksAgain()
    {
        pulse.Beat();
        await reports.StartAsync(Stop);
        await socket.NextAsync();

        await time.ForwardAsync(TimeSpan.FromMinutes(5.1));
        Assert.StartsWith("STATUS=Its slot loop has been silent for", await socket.NextAsync(), StringComparison.Ordinal);
        await time.ForwardAsync(Limit);
        await time.ForwardAsync(Limit);

        pulse.Beat();
        await time.ForwardAsync(Limit / 3);
        Assert.Equal("WATCHDOG=1", await socket.NextAsync());
        Assert.Equal("STATUS=Serving.", await socket.NextAsync());
    }

    [Fact]
    public async Task Reports_WhenTheSiloIsNoMemberAnyMore_FeedNoMore()
    {
        pulse.Beat();
        await reports.StartAsync(Stop);
        await socket.NextAsync();
        silo.Status = SiloStatus.Dead;

        await time.ForwardAsync(Limit / 3);
        Assert.Equal("STATUS=It is no member of its cluster (status Dead).", await socket.NextAsync());
        await time.ForwardAsync(Limit);
        lifetime.StopApplication();
        Assert.Equal("STOPPING=1", await socket.NextAsync());
    }

    [Fact]
    public async Task Reports_WhenTheSiloStops_SaySo()
    {
        pulse.Beat();
        await reports.StartAsync(Stop);
        await socket.NextAsync();

        lifetime.StopApplication();

        Assert.Equal("STOPPING=1", await socket.NextAsync());
        Assert.False(File.Exists(Path.Combine(socket.Folder, "idle")));
    }

    [Theory]
    [InlineData(SiloDrain.Idle, true)]
    [InlineData("preemption-notice", false)]
    [InlineData("silo-drained", false)]
    public async Task Reports_WhenTheSiloLeaves_LeaveANoteOnlyWhereTheMachineIsNotNeeded(string kind, bool note)
    {
        pulse.Beat();
        await reports.StartAsync(Stop);
        await socket.NextAsync();

        await drain.LeaveAsync(StopReason.Requested, kind, "a test", deadline: null);

        Assert.Equal("STOPPING=1", await socket.NextAsync());
        Assert.Equal(note, File.Exists(Path.Combine(socket.Folder, "idle")));
    }

    [Theory]
    [InlineData("60000000", null, 60)]
    [InlineData("60000000", "1", null)]
    [InlineData("0", null, null)]
    [InlineData("soon", null, null)]
    [InlineData(null, null, null)]
    public void Watchdog_FromTheEnvironment_IsForThisProcessOnly(string? microseconds, string? process, int? seconds) =>
        Assert.Equal(seconds is { } s ? TimeSpan.FromSeconds(s) : null, ServiceManager.WatchdogOf(microseconds, process));

    public async ValueTask DisposeAsync()
    {
        await reports.StopAsync(Stop);
        reports.Dispose();
        socket.Dispose();
        drain.Dispose();
        lifetime.Dispose();
        time.Dispose();
    }

    private sealed class FakeLifetime : Microsoft.Extensions.Hosting.IHostApplicationLifetime, IDisposable
    {
        private readonly CancellationTokenSource stopping = new();

        public CancellationToken ApplicationStarted => CancellationToken.None;

        public CancellationToken ApplicationStopping => stopping.Token;

        public CancellationToken ApplicationStopped => CancellationToken.None;

        public void StopApplication() => stopping.Cancel();

        public void Dispose() => stopping.Dispose();
    }

    private sealed class FakeSilo : IClusterMembershipService, ILocalSiloDetails
    {
        public SiloStatus Status { get; set; } = SiloStatus.Active;

        public ClusterMembershipSnapshot CurrentSnapshot =>
            new(
                System.Collections.Immutable.ImmutableDictionary<SiloAddress, ClusterMember>.Empty.Add(
                    SiloAddress,
                    new ClusterMember(SiloAddress, Status, Name)
                ),
                new MembershipVersion(1)
            );

        public IAsyncEnumerable<ClusterMembershipSnapshot> MembershipUpdates => throw new NotSupportedException();

        public string Name => "one";

        public string ClusterId => "test";

        public string DnsHostName => "localhost";

        public SiloAddress SiloAddress { get; } = SiloAddress.New(new IPEndPoint(IPAddress.Loopback, 1), 1);

        public SiloAddress GatewayAddress => SiloAddress;

        public ValueTask Refresh(MembershipVersion minimumVersion = default, CancellationToken cancellationToken = default) =>
            ValueTask.CompletedTask;

        public Task<bool> TryKill(SiloAddress siloAddress) => Task.FromResult(false);
    }
}
