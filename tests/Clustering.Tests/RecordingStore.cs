using System.Collections.Concurrent;
using System.Runtime.CompilerServices;
using System.Text;
using Slowrun.Storage;

namespace Slowrun.Clustering.Tests;

/// <summary>Counts and shows what goes to a store, and lets tests spoil it: swallow writes, lose answers, wait for a document to become
/// so.</summary>
internal sealed class RecordingStore(IObjectStore inner) : IObjectStore
{
    private readonly ConcurrentQueue<string> operations = new();
    private readonly ConcurrentQueue<string> written = new();
    private TaskCompletionSource changed = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private volatile bool severed;
    private int answersToLose;

    public string Address => inner.Address;

    public IObjectStore Innermost => inner.Innermost;

    /// <summary>What was asked for, in order: <c>read NAME</c>, <c>replace NAME</c>, …</summary>
    public IReadOnlyList<string> Operations => [.. operations];

    /// <summary>The documents that were written, in order.</summary>
    public IReadOnlyList<string> Written => [.. written];

    /// <summary>Runs before each operation, which waits for it.</summary>
    public Func<string, Task>? Before { get; set; }

    public void Forget() => operations.Clear();

    /// <summary>
    /// From now on every write is answered as done and has no effect, as for a process that has been killed: Orleans' farewell, which
    /// would otherwise be tried again for minutes, changes nothing.
    /// </summary>
    public void Sever() => severed = true;

    /// <summary>The next conditional write takes effect, and says it lost its race.</summary>
    public void LoseAnswer() => Interlocked.Increment(ref answersToLose);

    /// <summary>Completes when <paramref name="condition"/> holds of the object's text, now or after a later write through this
    /// decorator.</summary>
    public async Task WaitForAsync(string name, Predicate<string> condition, CancellationToken cancellationToken)
    {
        while (true)
        {
            var next = changed.Task;
            if (await inner.TryReadAsync(name, cancellationToken) is { } found && condition(Encoding.UTF8.GetString(found.Content.Span)))
            {
                return;
            }

            await next.WaitAsync(cancellationToken);
        }
    }

    public async Task<StoredObject?> TryReadAsync(string name, CancellationToken cancellationToken = default)
    {
        await BeginAsync("read", name);
        return await inner.TryReadAsync(name, cancellationToken);
    }

    public async Task<Stream?> TryOpenAsync(
        string name,
        long offset = 0,
        long? length = null,
        CancellationToken cancellationToken = default
    )
    {
        await BeginAsync("open", name);
        return await inner.TryOpenAsync(name, offset, length, cancellationToken);
    }

    public async Task<string?> TryCreateAsync(string name, ReadOnlyMemory<byte> content, CancellationToken cancellationToken = default)
    {
        await BeginAsync("create", name);
        return severed ? "" : Answer(await inner.TryCreateAsync(name, content, cancellationToken), content);
    }

    public async Task<bool> TryCreateAsync(string name, Stream content, CancellationToken cancellationToken = default)
    {
        await BeginAsync("create", name);
        return Answer(await inner.TryCreateAsync(name, content, cancellationToken) ? "" : null) is not null;
    }

    public async Task<string?> TryReplaceAsync(
        string name,
        ReadOnlyMemory<byte> content,
        string etag,
        CancellationToken cancellationToken = default
    )
    {
        await BeginAsync("replace", name);
        return severed ? "" : Answer(await inner.TryReplaceAsync(name, content, etag, cancellationToken), content);
    }

    public async Task WriteAsync(string name, ReadOnlyMemory<byte> content, CancellationToken cancellationToken = default)
    {
        await BeginAsync("write", name);
        await inner.WriteAsync(name, content, cancellationToken);
        Answer("");
    }

    public async Task<bool> TryDeleteAsync(string name, string? etag = null, CancellationToken cancellationToken = default)
    {
        await BeginAsync("delete", name);
        return Answer(await inner.TryDeleteAsync(name, etag, cancellationToken) ? "" : null) is not null;
    }

    public async IAsyncEnumerable<ObjectEntry> ListAsync(
        string prefix,
        [EnumeratorCancellation] CancellationToken cancellationToken = default
    )
    {
        await BeginAsync("list", prefix);
        await foreach (var entry in inner.ListAsync(prefix, cancellationToken))
        {
            yield return entry;
        }
    }

    public async IAsyncEnumerable<string> ListFoldersAsync(
        string prefix,
        [EnumeratorCancellation] CancellationToken cancellationToken = default
    )
    {
        await BeginAsync("list", prefix);
        await foreach (var folder in inner.ListFoldersAsync(prefix, cancellationToken))
        {
            yield return folder;
        }
    }

    private async Task BeginAsync(string operation, string name)
    {
        operations.Enqueue($"{operation} {name}");
        if (Before is { } before)
        {
            await before($"{operation} {name}");
        }
    }

    private string? Answer(string? result, ReadOnlyMemory<byte> content = default)
    {
        if (result is not null)
        {
            written.Enqueue(Encoding.UTF8.GetString(content.Span));
            Interlocked.Exchange(ref changed, new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously)).SetResult();
            if (Volatile.Read(ref answersToLose) > 0)
            {
                Interlocked.Decrement(ref answersToLose);
                return null;
            }
        }

        return result;
    }
}
