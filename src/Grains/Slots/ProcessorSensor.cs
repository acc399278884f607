using Microsoft.Extensions.Hosting;
using Slowrun.Clustering.Machines;
using Slowrun.Core.Stages;

namespace Slowrun.Grains.Slots;

/// <summary>How busy this process keeps its processors: one system call every some seconds, and two small files when it is asked.</summary>
internal sealed class ProcessorSensor : IHostedService, IDisposable
{
    private static readonly TimeSpan Every = TimeSpan.FromSeconds(5);

    private readonly TimeProvider time;
    private readonly Func<TimeSpan> used;
    private ITimer? timer;
    private TimeSpan usedBefore;
    private long before;
    private double share = double.NaN;

    public ProcessorSensor(TimeProvider time)
        : this(time, () => Environment.CpuUsage.TotalTime) { }

    /// <param name="used">Processor time of this process so far.</param>
    internal ProcessorSensor(TimeProvider time, Func<TimeSpan> used) => (this.time, this.used) = (time, used);

    public ProcessorUse Now =>
        new(
            Volatile.Read(ref share) is var known && double.IsNaN(known) ? null : known,
            Environment.ProcessorCount,
            Environment.WorkingSet,
            MachineMemory.Read()?.TotalBytes
        );

    public Task StartAsync(CancellationToken cancellationToken)
    {
        (usedBefore, before) = (used(), time.GetTimestamp());
        timer = time.CreateTimer(_ => Measure(), null, Every, Every);
        return Task.CompletedTask;
    }

    public Task StopAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    public void Dispose() => timer?.Dispose();

    private void Measure()
    {
        var (now, usedNow) = (time.GetTimestamp(), used());
        var whole = time.GetElapsedTime(before, now) * Environment.ProcessorCount;
        Volatile.Write(ref share, Math.Clamp((usedNow - usedBefore) / whole, 0, 1));
        (usedBefore, before) = (usedNow, now);
    }
}
