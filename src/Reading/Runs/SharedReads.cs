namespace Slowrun.Reading.Runs;

/// <summary>Shares one read between all callers at about the same time: a hundred viewers cost the store as much as one.</summary>
/// <param name="atLeast">How long an answer is valid. One that took long is valid for longer; a failure for a second at most.</param>
internal sealed class SharedReads<T>(TimeProvider time, TimeSpan atLeast)
{
    // The reads then take a tenth of a slow store's time at most.
    private const int RestPerRead = 9;

    // Far more than viewers ask for in a second; a crawler must not fill the memory with old answers.
    private const int Most = 256;

    // A viewer does not wait longer for a page. The read goes on, and the next caller waits for the same one.
    private static readonly TimeSpan LongestWait = TimeSpan.FromSeconds(30);

    // After this time an earlier answer, where there is one, is given instead.
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(5);

    // A read that hangs must not be shared for ever.
    private static readonly TimeSpan LongestRead = TimeSpan.FromMinutes(5);

    private static readonly TimeSpan FailureLasts = TimeSpan.FromSeconds(1);

    private readonly Lock gate = new();
    private readonly Dictionary<string, Shared> shared = new(StringComparer.Ordinal);

    /// <param name="read">Not cancelled with the first caller: others wait for it.</param>
    /// <exception cref="TimeoutException">The store did not answer.</exception>
    public async Task<T> GetAsync(string key, Func<CancellationToken, Task<T>> read, CancellationToken cancellationToken)
    {
        Shared? found;
        lock (gate)
        {
            if (!shared.TryGetValue(key, out found) || found.IsOld(time, atLeast))
            {
                ForgetOld();
                shared[key] = found = new Shared(read, time, found?.Known);
            }
        }

        try
        {
            return await found
                .Answer.WaitAsync(found.Before is null ? LongestWait : Patience, time, cancellationToken)
                .ConfigureAwait(false);
        }
        catch (TimeoutException) when (!found.Answer.IsCompleted)
        {
            return found.Before is { } before
                ? await before.ConfigureAwait(false)
                : throw new TimeoutException($"It has not answered for {LongestWait.TotalSeconds:0} s, and is still being read.");
        }
    }

    /// <summary>Drops the answer of a key, since this process has changed the run.</summary>
    public void Forget(string key)
    {
        lock (gate)
        {
            shared.Remove(key);
        }
    }

    private void ForgetOld()
    {
        if (shared.Count >= Most)
        {
            foreach (var (old, _) in shared.Where(pair => pair.Value.IsOld(time, atLeast)).ToList())
            {
                shared.Remove(old);
            }
        }
    }

    private sealed class Shared
    {
        private readonly long begun;
        private long ended;

        /// <param name="before">An answer from before this read, to be given while it takes long; null: none.</param>
        public Shared(Func<CancellationToken, Task<T>> read, TimeProvider time, Task<T>? before)
        {
            begun = time.GetTimestamp();
            Before = before;
            // On the caller's scheduler: a page's reads stay on the background thread.
            Answer = Task
                .Factory.StartNew(
                    () => ReadAsync(read, time),
                    CancellationToken.None,
                    TaskCreationOptions.DenyChildAttach,
                    TaskScheduler.Current
                )
                .Unwrap();
        }

        public Task<T> Answer { get; }

        public Task<T>? Before { get; private set; }

        /// <summary>The newest answer.</summary>
        public Task<T>? Known => Answer.IsCompletedSuccessfully ? Answer : Before;

        public bool IsOld(TimeProvider time, TimeSpan atLeast)
        {
            if (!Answer.IsCompleted)
            {
                return false;
            }

            var since = time.GetElapsedTime(Volatile.Read(ref ended));
            if (!Answer.IsCompletedSuccessfully)
            {
                return since >= (atLeast < FailureLasts ? atLeast : FailureLasts);
            }

            var took = time.GetElapsedTime(begun, Volatile.Read(ref ended)) * RestPerRead;
            return since >= (took > atLeast ? took : atLeast);
        }

        private async Task<T> ReadAsync(Func<CancellationToken, Task<T>> read, TimeProvider time)
        {
            using var limit = new CancellationTokenSource(LongestRead, time);
            try
            {
                var answer = await read(limit.Token);
                Before = null;
                return answer;
            }
            catch (OperationCanceledException e) when (limit.IsCancellationRequested)
            {
                throw new TimeoutException($"It has not answered for {LongestRead.TotalMinutes:0} minutes.", e);
            }
            finally
            {
                Volatile.Write(ref ended, time.GetTimestamp());
            }
        }
    }
}
