namespace Slowrun.Web.Reading;

/// <summary>One read for everybody who asks at about the same time: a hundred viewers cost the store what one does.</summary>
/// <param name="atLeast">How long an answer is good for. One that took long is good for longer.</param>
internal sealed class SharedReads<T>(TimeProvider time, TimeSpan atLeast)
{
    // A slow store (or a run of a thousand stages) is then busy with us for a fifth of the time at most.
    private const int RestPerRead = 4;

    // Far more than anybody looks at in a second; a crawler must not fill the memory with old answers.
    private const int Most = 256;

    // Nobody waits longer for a page, and a read that hangs must not be shared for ever.
    private static readonly TimeSpan Longest = TimeSpan.FromSeconds(30);

    private readonly Lock gate = new();
    private readonly Dictionary<string, Shared> shared = new(StringComparer.Ordinal);

    /// <param name="read">Not cancelled when the one who asked first goes away: others wait for it.</param>
    /// <exception cref="TimeoutException">The store did not answer.</exception>
    public async Task<T> GetAsync(string key, Func<CancellationToken, Task<T>> read, CancellationToken cancellationToken)
    {
        Shared? found;
        lock (gate)
        {
            if (!shared.TryGetValue(key, out found) || found.IsOld(time, atLeast))
            {
                if (shared.Count >= Most)
                {
                    foreach (var (old, _) in shared.Where(pair => pair.Value.IsOld(time, atLeast)).ToList())
                    {
                        shared.Remove(old);
                    }
                }

                shared[key] = found = new Shared(read, time);
            }
        }

        return await found.Answer.WaitAsync(Longest, time, cancellationToken).ConfigureAwait(false);
    }

    /// <summary>What was read before a change of ours is no answer any more.</summary>
    public void Forget(string key)
    {
        lock (gate)
        {
            shared.Remove(key);
        }
    }

    private sealed class Shared
    {
        private readonly long begun;
        private long ended;

        public Shared(Func<CancellationToken, Task<T>> read, TimeProvider time)
        {
            begun = time.GetTimestamp();
            Answer = Task.Run(async () =>
            {
                using var limit = new CancellationTokenSource(Longest, time);
                try
                {
                    return await read(limit.Token).ConfigureAwait(false);
                }
                finally
                {
                    Volatile.Write(ref ended, time.GetTimestamp());
                }
            });
        }

        public Task<T> Answer { get; }

        public bool IsOld(TimeProvider time, TimeSpan atLeast)
        {
            if (!Answer.IsCompleted)
            {
                return false;
            }

            var took = time.GetElapsedTime(begun, Volatile.Read(ref ended)) * RestPerRead;
            return time.GetElapsedTime(Volatile.Read(ref ended)) >= (took > atLeast ? took : atLeast);
        }
    }
}
