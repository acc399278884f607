using System.Runtime.InteropServices;

namespace Slowrun.Training.Numerics;

/// <summary>Threads for long computations: at a lower priority than threads that answer requests, and with exactly one intra-op thread
/// each.</summary>
public static partial class WorkerThread
{
    // .NET's ThreadPriority does nothing on Linux. 10 is what nice(1) takes by default: such a thread gets a tenth of a core's time
    // while another wants it, all of it otherwise.
    private const int Niceness = 10;

    /// <summary>Starts a background thread. An exception that leaves <paramref name="body"/> ends the process.</summary>
    public static Thread Start(string name, Action body)
    {
        ArgumentNullException.ThrowIfNull(body);
        var thread = new Thread(() =>
        {
            BeNice();
            IntraOp.UseOneThread();
            body();
        })
        {
            Name = name,
            IsBackground = true,
        };
        thread.Start();
        return thread;
    }

    /// <summary>Runs <paramref name="body"/> on such a thread; the task ends with it, and carries what it threw.</summary>
    public static Task RunAsync(string name, Action body)
    {
        ArgumentNullException.ThrowIfNull(body);
        // Continuations run elsewhere, so that the thread ends.
        var done = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        Start(
            name,
            () =>
            {
                try
                {
                    body();
                    done.SetResult();
                }
                catch (OperationCanceledException e)
                {
                    done.SetCanceled(e.CancellationToken);
                }
#pragma warning disable CA1031 // Thrown again where it is awaited.
                catch (Exception e)
#pragma warning restore CA1031
                {
                    done.SetException(e);
                }
            }
        );
        return done.Task;
    }

    private static void BeNice()
    {
        if (OperatingSystem.IsLinux())
        {
            // PRIO_PROCESS with 0 is the calling thread. Refused: it computes at normal priority, which changes no result.
            _ = SetPriority(0, 0, Niceness);
        }
    }

    [LibraryImport("libc", EntryPoint = "setpriority")]
    private static partial int SetPriority(int which, int who, int priority);
}
