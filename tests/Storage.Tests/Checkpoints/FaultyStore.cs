namespace Slowrun.Storage.Tests.Checkpoints;

/// <summary>A store whose n-th operation under <c>runs/</c> goes wrong, before or after it took effect, once or for good.</summary>
internal sealed class FaultyStore(IObjectStore inner, int failAt, Fault fault) : DelegatingStore(inner)
{
    private readonly TaskCompletionSource struck = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private int operations;

    /// <summary>Whether the fault was reached.</summary>
    public bool Struck => operations >= failAt;

    /// <summary>Operations asked for under <c>runs/</c>.</summary>
    public int Operations => operations;

    /// <summary>Whether nothing reaches the store any more after the fault.</summary>
    public bool Kills => fault is Fault.DiesBefore or Fault.DiesAfter;

    /// <summary>Ends when the operation that goes wrong has had what effect it has.</summary>
    public Task Striking => struck.Task;

    public string? StruckAt { get; private set; }

    protected override async Task<T> AroundAsync<T>(Operation operation, Func<Task<T>> run)
    {
        if (!operation.Name.StartsWith("runs/", StringComparison.Ordinal))
        {
            return await run().ConfigureAwait(false);
        }

        var number = Interlocked.Increment(ref operations);
        var strikes = number == failAt || (number > failAt && Kills);
        if (!strikes)
        {
            return await run().ConfigureAwait(false);
        }

        StruckAt ??= operation.ToString();
        if (fault == Fault.Echo)
        {
            await run().ConfigureAwait(false);
            return await run().ConfigureAwait(false);
        }

        var hasEffect = number == failAt && fault is Fault.AnswerLost or Fault.DiesAfter;
        if (hasEffect)
        {
            await run().ConfigureAwait(false);
        }

        struck.TrySetResult();
        throw new IOException($"Injected {(hasEffect ? "after" : "before")} '{operation}'.");
    }
}

internal enum Fault
{
    /// <summary>One operation fails without effect.</summary>
    RequestLost,

    /// <summary>One operation takes effect and then fails.</summary>
    AnswerLost,

    /// <summary>As when a store tries again by itself after an answer was lost: the operation is done twice, and the second answer counts.</summary>
    Echo,

    /// <summary>As when the machine vanishes: this one and all after it fail without effect.</summary>
    DiesBefore,

    /// <summary>As when the machine vanishes after its last write.</summary>
    DiesAfter,
}
