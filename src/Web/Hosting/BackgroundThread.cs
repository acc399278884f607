using System.Buffers.Binary;
using System.Collections.Concurrent;
using System.Runtime.InteropServices;
using Microsoft.AspNetCore.Builder;

namespace Slowrun.Web.Hosting;

/// <summary>
/// The one thread that works on requests, at a lower priority than the trainings on the machine (nice 19; they have 10), and for at most a
/// share of one core. The trainings lose no more than that, whatever the number of requests. Awaited operations do not occupy it.
/// </summary>
public sealed partial class BackgroundThread : TaskScheduler, IDisposable
{
    /// <summary>A tenth of a core.</summary>
    public const double Share = 0.1;

    // The lowest priority that still gets a share (nice 19 weighs 15, the trainers' 10 weighs 110).
    private const int Niceness = 19;

    // clock_gettime(2): CLOCK_THREAD_CPUTIME_ID.
    private const int ThreadsCpuTime = 3;

    // A user who reads a run's pages is not slowed down; a flood of requests is, once it has used this up.
    private static readonly TimeSpan Saved = TimeSpan.FromSeconds(3);

    private readonly BlockingCollection<Task> work = [];
    private readonly CancellationTokenSource stopped = new();
    private readonly CpuBudget budget;
    private readonly Thread thread;

    public BackgroundThread(string name, double share = Share)
    {
        budget = new CpuBudget(share, Saved);
        thread = new Thread(Work) { Name = name, IsBackground = true };
        thread.Start();
    }

    public override int MaximumConcurrencyLevel => 1;

    /// <summary>All middleware after it runs on the thread.</summary>
    public void Use(IApplicationBuilder app) =>
        app.Use(
            (http, next) =>
                Task.Factory.StartNew(() => next(http), CancellationToken.None, TaskCreationOptions.DenyChildAttach, this).Unwrap()
        );

    public void Dispose()
    {
        stopped.Cancel();
        work.CompleteAdding();
    }

    protected override void QueueTask(Task task)
    {
        if (!work.IsAddingCompleted)
        {
            try
            {
                work.Add(task);
                return;
            }
            catch (InvalidOperationException)
            {
                // Stopped just now.
            }
        }

        // The last answers of a server that stops run on the thread pool.
        ThreadPool.UnsafeQueueUserWorkItem(_ => TryExecuteTask(task), null);
    }

    protected override bool TryExecuteTaskInline(Task task, bool taskWasPreviouslyQueued) =>
        Thread.CurrentThread == thread && TryExecuteTask(task);

    protected override IEnumerable<Task> GetScheduledTasks() => [.. work];

    private void Work()
    {
        // If the system refuses this, the thread runs at normal priority, within its share.
        _ = SetPriority(0, 0, Niceness);
        var (computed, at) = (CpuTime(), TimeProvider.System.GetTimestamp());
        foreach (var task in work.GetConsumingEnumerable())
        {
            TryExecuteTask(task);
            var (computedNow, now) = (CpuTime(), TimeProvider.System.GetTimestamp());
            var rest = budget.Spend(computedNow - computed, TimeProvider.System.GetElapsedTime(at, now));
            (computed, at) = (computedNow, now);
            if (rest > TimeSpan.Zero)
            {
                stopped.Token.WaitHandle.WaitOne(rest);
            }
        }
    }

    private static TimeSpan CpuTime()
    {
        Span<byte> time = stackalloc byte[16];
        return GetTime(ThreadsCpuTime, time) != 0
            ? TimeSpan.Zero
            : TimeSpan.FromSeconds(BinaryPrimitives.ReadInt64LittleEndian(time))
                + TimeSpan.FromMicroseconds(BinaryPrimitives.ReadInt64LittleEndian(time[8..]) / 1000.0);
    }

    [LibraryImport("libc", EntryPoint = "setpriority")]
    private static partial int SetPriority(int which, int who, int priority);

    [LibraryImport("libc", EntryPoint = "clock_gettime")]
    private static partial int GetTime(int clock, Span<byte> time);
}
