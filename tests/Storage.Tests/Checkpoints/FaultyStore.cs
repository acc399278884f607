namespace Slowrun.Storage.Tests.Checkpoints;

/// <summary>A store whose n-th operation under <c>runs/</c> goes wrong, before or after it took effect, once or for good.</summary>
internal sealed class FaultyStore(IObjectStore inner, int failAt, Fault fault) : DelegatingStore(inner)
{
    private int operations;

    /// <summary>Whether the fault was reached.</summary>
    public bool Struck => operations >= failAt;

    public string? StruckAt { get; private set; }

    protected override async Task<T> AroundAsync<T>(Operation operation, Func<Task<T>> run)
    {
        if (!operation.Name.StartsWith("runs/", StringComparison.Ordinal))
        {
            return await run().ConfigureAwait(false);
        }

        operations++;
        var strikes = operations == failAt || (operations > failAt && fault is Fault.DiesBefore or Fault.DiesAfter);
        StruckAt ??= strikes ? operation.ToString() : null;
        if (strikes && fault == Fault.Echo)
        {
            await run().ConfigureAwait(false);
            return await run().ConfigureAwait(false);
        }

        if (strikes && !(operations == failAt && fault is Fault.AnswerLost or Fault.DiesAfter))
        {
            throw new IOException($"Injected before '{operation}'.");
        }

        var result = await run().ConfigureAwait(false);
        return strikes ? throw new IOException($"Injected after '{operation}'.") : result;
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
