using System.Diagnostics;
using System.Globalization;
using System.Runtime.InteropServices;
using Slowrun.Clustering.Membership;

namespace Slowrun.Silo.Hosting;

/// <summary>
/// Ends the process when stopping takes longer than it may: a store that hangs holds last commits, the cluster's farewell and threads in
/// the kernel, none of which can be cancelled. To be registered first: it watches while everything else stops.
/// </summary>
/// <param name="within">From the order to stop. The host's own time limit ends before this one.</param>
/// <param name="exit">Ends the process at once; null: it does.</param>
/// <param name="leaving">Cancelled when the silo is told to leave: its last commits come before the order to stop.</param>
internal sealed partial class StopLimit(
    TimeSpan within,
    IHostApplicationLifetime? lifetime,
    Action<int>? exit = null,
    CancellationToken leaving = default
) : IHostedService, IDisposable
{
    // The host gives up at the limit, and logs what it waited for.
    private static readonly TimeSpan Grace = TimeSpan.FromSeconds(3);

    private readonly ManualResetEventSlim stopped = new();
    private readonly Stopwatch sinceStopping = new();
    private readonly Action<int> exit = exit ?? ExitNow;
    private CancellationTokenRegistration stopping;
    private CancellationTokenRegistration left;
    private int watches;

    public Task StartAsync(CancellationToken cancellationToken)
    {
        stopping = lifetime?.ApplicationStopping.Register(Watch) ?? default;
        left = leaving.Register(Watch);
        return Task.CompletedTask;
    }

    public Task StopAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    /// <summary>The host and all its services are gone.</summary>
    public void Dispose()
    {
        stopped.Set();
        stopping.Dispose();
        left.Dispose();
    }

    /// <summary>How much of the time to stop in is left; all of it where nothing stops yet.</summary>
    public TimeSpan Left => within + Grace - sinceStopping.Elapsed is var left && left > TimeSpan.Zero ? left : TimeSpan.Zero;

    /// <summary>Waits for what must end before the process does, in the time that is left.</summary>
    /// <returns>Whether it has ended, by a failure or not.</returns>
    public async Task<bool> WaitAsync(Task last)
    {
        await Task.WhenAny(last, Task.Delay(Left));
        return last.IsCompleted;
    }

    private void Watch()
    {
        if (Interlocked.Exchange(ref watches, 1) == 1)
        {
            return;
        }

        sinceStopping.Start();
        new Thread(() =>
        {
            // A thread of its own: those of the pool may all be in the store.
            if (!stopped.Wait(within + Grace))
            {
                Console.Error.WriteLine(
                    string.Create(
                        CultureInfo.InvariantCulture,
                        $"slowrun silo: stopping took longer than {within.TotalSeconds:F0} s (option --stop-within), "
                            + $"probably since the store does not answer; it ends without its last commit, "
                            + $"and its stages go on from the one before it."
                    )
                );
                Console.Error.Flush();
                exit(SiloEnd.NotItsWork);
            }
        })
        {
            IsBackground = true,
            Name = "stop limit",
        }.Start();
    }

    // Not Environment.Exit: it would wait for what hangs.
    [LibraryImport("libc", EntryPoint = "_exit")]
    public static partial void ExitNow(int code);
}
