using System.Net;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging.Abstractions;
using Slowrun.Grains.Loop;
using Slowrun.Grains.Slots;
using Slowrun.Storage;

namespace Slowrun.Grains.Tests.Loop;

/// <summary>A silo that leaves commits first and stops then; the limit of its stop counts from the order to leave.</summary>
public sealed class SiloDrainTests : IDisposable
{
    private readonly LocalWork local = new();
    private readonly Lifetime lifetime = new();
    private readonly SiloDrain drain;

    public SiloDrainTests() =>
        drain = new SiloDrain(local, new MemoryStore(), new Silo(), lifetime, TimeProvider.System, NullLogger<SiloDrain>.Instance);

    public void Dispose()
    {
        drain.Dispose();
        lifetime.Dispose();
    }

    [Fact]
    public async Task Leave_OfWorkThatDoesNotEnd_IsToldAtOnceToWhoeverLimitsIt()
    {
        var completion = new TaskCompletionSource();
        local.Run(local.TryBegin("train micro/chain0/stage0")!, (_, _) => { }, completion.Task);

        var leave = drain.LeaveAsync(StopReason.Requested, "silo-drained", "it was asked to.", deadline: null);

        Assert.True(drain.Leaving.IsCancellationRequested);
        Assert.False(leave.IsCompleted || lifetime.ApplicationStopping.IsCancellationRequested);
        completion.SetResult();
        await leave;
        Assert.True(lifetime.ApplicationStopping.IsCancellationRequested);
    }

    [Fact]
    public async Task Leave_OfAMachineThatGoesAway_HasTheTimeThatTheMachineHas()
    {
        await drain.LeaveAsync(StopReason.Eviction, "preempted", "its machine goes.", TimeProvider.System.GetUtcNow().AddMinutes(10));

        Assert.False(drain.Leaving.IsCancellationRequested);
        Assert.True(lifetime.ApplicationStopping.IsCancellationRequested);
    }

    private sealed class Lifetime : IHostApplicationLifetime, IDisposable
    {
        private readonly CancellationTokenSource stopping = new();

        public CancellationToken ApplicationStarted => CancellationToken.None;

        public CancellationToken ApplicationStopping => stopping.Token;

        public CancellationToken ApplicationStopped => CancellationToken.None;

        public void StopApplication() => stopping.Cancel();

        public void Dispose() => stopping.Dispose();
    }

    private sealed class Silo : ILocalSiloDetails
    {
        public string Name => "silo";

        public string ClusterId => "test";

        public string DnsHostName => "test";

        public SiloAddress SiloAddress { get; } = SiloAddress.New(IPAddress.Loopback, 1, 1);

        public SiloAddress GatewayAddress => SiloAddress;
    }
}
