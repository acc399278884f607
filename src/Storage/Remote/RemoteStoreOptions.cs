using Polly;

namespace Slowrun.Storage.Remote;

/// <summary>Deadlines, retries and parallelism of a store far away. The defaults suit a machine in the store's region.</summary>
public sealed record RemoteStoreOptions
{
    private static readonly TimeSpan OpeningDeadline = TimeSpan.FromSeconds(20);

    /// <summary>When an operation is given up, however many tries it had. A block of a large object is an operation of its own.</summary>
    public TimeSpan Deadline { get; init; } = TimeSpan.FromMinutes(2);

    /// <summary>When one try is given up. A block of 8 MiB then needs 280 KB/s.</summary>
    public TimeSpan EachTry { get; init; } = TimeSpan.FromSeconds(30);

    /// <summary>Before the second try, on average; doubled for each further one.</summary>
    public TimeSpan FirstDelay { get; init; } = TimeSpan.FromMilliseconds(200);

    public TimeSpan LongestDelay { get; init; } = TimeSpan.FromSeconds(10);

    /// <summary>Large objects move in blocks of this size; it is also what a failed try costs.</summary>
    public int BlockBytes { get; init; } = 8 << 20;

    /// <summary>Blocks of one object under way at once; so many, and one more, are in memory.</summary>
    public int BlocksAtOnce { get; init; } = 4;

    /// <summary>Added innermost, around each single try: where tests inject faults.</summary>
    internal Action<ResiliencePipelineBuilder>? AroundEachTry { get; init; }

    /// <summary>For the opening of a store, with a shorter deadline: a user waits for it, and the address may be misspelt.</summary>
    internal RemoteStoreOptions ForOpening() => this with { Deadline = Deadline < OpeningDeadline ? Deadline : OpeningDeadline };
}
