using System.Buffers.Binary;
using System.Collections.Concurrent;
using System.Runtime.InteropServices;
using Microsoft.AspNetCore.Builder;

namespace Slowrun.Web.Hosting;

/// <summary>
/// The one thread on which requests are worked at: behind the trainings beside it (nice 19; they have 10), and for no more than a share of
/// one core. However many ask, the trainings lose no more. What is awaited is waited for elsewhere.
/// </summary>
public sealed partial class BackgroundThread : TaskScheduler, IDisposable
{
    /// <summary>A tenth of a core.</summary>
    public const double Share = 0.1;

    // The lowest priority that still gets a share (nice 19 weighs 15, the trainers' 10 weighs 110).
    private const int Niceness = 19;

    // clock_gettime(2): CLOCK_THREAD_CPUTIME_ID.
    private const int ThreadsCpuTime = 3;

    // Somebody who looks through a run's pages is not slowed down; a flood is, from then on.
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

    /// <summary>Everything after it is worked at on the thread.</summary>
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

        // The last answers of a server that ends are worked at anywhere.
        ThreadPool.UnsafeQueueUserWorkItem(_ => TryExecuteTask(task), null);
    }

    protected override bool TryExecuteTaskInline(Task task, bool taskWasPreviouslyQueued) =>
        Thread.CurrentThread == thread && TryExecuteTask(task);

    protected override IEnumerable<Task> GetScheduledTasks() => [.. work];

    private void Work()
    {
        // Refused: it works at normal priority, within its share.
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
