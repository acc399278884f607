using System.Globalization;
using System.IO.Hashing;
using System.Text;
using Microsoft.Win32.SafeHandles;

namespace Slowrun.Storage.Directories;

/// <summary>
/// One lock file for every so many names, so that comparing and replacing a document is one step for every process on the machine.
/// Lock files are never deleted: a lock on a deleted file excludes no process.
/// </summary>
internal sealed class ShardLocks(string folder, TimeProvider time)
{
    private const int Shards = 64;

    // A lock is held for a read, a comparison and a rename. A process that holds one for so long was stopped in between (SIGSTOP, a
    // debugger).
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(30);

    /// <summary>Waits for the lock that guards <paramref name="name"/>; disposing the handle releases it.</summary>
    /// <exception cref="StoreException">Another process held it for 30 seconds.</exception>
    public async ValueTask<SafeFileHandle> EnterAsync(string name, CancellationToken cancellationToken)
    {
        var shard = XxHash64.HashToUInt64(Encoding.UTF8.GetBytes(name)) % Shards;
        var path = Path.Combine(folder, shard.ToString("x2", CultureInfo.InvariantCulture));
        var started = time.GetTimestamp();
        while (true)
        {
            if (Posix.TryLock(path) is { } handle)
            {
                return handle;
            }

            if (time.GetElapsedTime(started) > Patience)
            {
                throw new StoreException(
                    StoreProblem.Unreachable,
                    $"The lock '{path}' has been held for {Patience.TotalSeconds:0} s. A process that uses the store was probably stopped (SIGSTOP) "
                        + "just then: let it go on (kill -CONT) or end it."
                );
            }

            // Polling keeps the wait cancellable and costs no thread.
            await Task.Delay(TimeSpan.FromMilliseconds(1 + Random.Shared.Next(4)), time, cancellationToken).ConfigureAwait(false);
        }
    }
}
