using Slowrun.Storage;

namespace Slowrun.Fleet.Chaos.Leftovers;

/// <summary>This process's own mark in the store; written again and again while it is held, so that others see that it lives.</summary>
public sealed class HeldMark : IAsyncDisposable
{
    private static readonly TimeSpan SignEvery = TimeSpan.FromSeconds(10);

    private readonly IObjectStore store;
    private readonly TimeProvider time;
    private readonly ReadOnlyMemory<byte> content;
    private readonly CancellationTokenSource end = new();
    private readonly Task signs;

    internal HeldMark(IObjectStore store, TimeProvider time, string name, ChaosMark mark, ReadOnlyMemory<byte> content, string etag)
    {
        (this.store, this.time, this.content, Name, Mark) = (store, time, content, name, mark);
        signs = GiveSignsAsync(etag);
    }

    public string Name { get; }

    public ChaosMark Mark { get; }

    /// <summary>Takes the mark out of the store: nothing is left. Where the store does not answer it stays, and is found later.</summary>
    public async Task DeleteAsync()
    {
        await DisposeAsync();
        try
        {
            await store.TryDeleteAsync(Name);
        }
        catch (IOException) { }
    }

    /// <summary>Gives no more signs; the mark stays in the store.</summary>
    public async ValueTask DisposeAsync()
    {
        if (signs.IsCompleted)
        {
            return;
        }

        await end.CancelAsync();
        await signs.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        end.Dispose();
    }

    private async Task GiveSignsAsync(string? etag)
    {
        while (etag is not null)
        {
            await Task.Delay(SignEvery, time, end.Token);
            try
            {
                // Null: this process stood still for so long that it was taken for gone, and its mark deleted.
                etag = await store.TryReplaceAsync(Name, content, etag, end.Token);
            }
            catch (IOException)
            {
                // A store that is away: the next sign is soon.
            }
        }
    }
}
