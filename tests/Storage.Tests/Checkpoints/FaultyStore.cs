using System.Collections.Concurrent;
using System.Text.RegularExpressions;

namespace Slowrun.Storage.Tests.Checkpoints;

/// <summary>A store whose n-th operation under <c>runs/</c> goes wrong, before or after it took effect, once or for good.</summary>
/// <param name="kind">Only operations like this one count, as <see cref="Kinds"/> has them; null: all.</param>
internal sealed partial class FaultyStore(IObjectStore inner, int failAt, Fault fault, string? kind = null) : DelegatingStore(inner)
{
    private readonly TaskCompletionSource struck = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private int operations;

    /// <summary>Whether the fault was reached.</summary>
    public bool Struck => operations >= failAt;

    /// <summary>How often each kind of operation was asked for: what is done to which kind of object.</summary>
    public ConcurrentDictionary<string, int> Kinds { get; } = new(StringComparer.Ordinal);

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

        var like = Varying().Replace(operation.ToString(), "#");
        Kinds.AddOrUpdate(like, 1, (_, seen) => seen + 1);
        var counts = kind is null || kind == like;
        var number = counts ? Interlocked.Increment(ref operations) : operations;
        var strikes = (counts && number == failAt) || (Kills && (number > failAt || StruckAt is not null));
        if (!strikes)
        {
            return await run().ConfigureAwait(false);
        }

        var first = StruckAt is null;
        StruckAt ??= operation.ToString();
        if (fault == Fault.Echo)
        {
            await run().ConfigureAwait(false);
            return await run().ConfigureAwait(false);
        }

        var hasEffect = first && fault is Fault.AnswerLost or Fault.DiesAfter;
        if (hasEffect)
        {
            await run().ConfigureAwait(false);
        }

        struck.TrySetResult();
        throw new IOException($"Injected {(hasEffect ? "after" : "before")} '{operation}'.");
    }

    [GeneratedRegex("[0-9a-f]{8,}|[0-9]+")]
    private static partial Regex Varying();
}

internal enum Fault
{
    /// <summary>One operation fails without effect.</summary>
    RequestLost,

    /// <summary>One operation takes effect and then fails.</summary>
    AnswerLost,

    /// <summary>As when a store tries again by itself after an answer was lost: the operation is done twice, and the second answer
    /// counts.</summary>
    Echo,

    /// <summary>As when the machine vanishes: this one and all after it fail without effect.</summary>
    DiesBefore,

    /// <summary>As when the machine vanishes after its last write.</summary>
    DiesAfter,
}
