using System.Collections.Concurrent;
using System.Runtime.CompilerServices;
using System.Threading.Channels;
using Slowrun.Data.Inputs;
using Slowrun.Data.Tokenizers;

namespace Slowrun.Data.Preparation;

/// <summary>
/// Tokenizes on several threads and gives the batches in the order of the documents. Reading runs ahead by a bounded number of batches; an
/// error of the reader is thrown when its turn comes, so that the outcome does not depend on the threads' speed.
/// </summary>
internal sealed class TokenPipeline(TextTokenizer tokenizer, int threads)
{
    // A batch is text for some tens of milliseconds: small against memory, large against handing it over.
    private const int BatchBytes = 1 << 19;
    private const int BatchPieces = 1_024;

    private readonly ConcurrentBag<TokenEncoder> encoders = [];

    /// <param name="pieces">Read on a thread of its own, which ends when the caller stops asking.</param>
    public async IAsyncEnumerable<TokenBatch> RunAsync(
        IEnumerable<RawPiece> pieces,
        [EnumeratorCancellation] CancellationToken stop = default
    )
    {
        using var end = CancellationTokenSource.CreateLinkedTokenSource(stop);
        // Not disposed: a thread that hangs in standard input may still come back to it.
        var free = new SemaphoreSlim(threads);
        var batches = Channel.CreateBounded<Task<TokenBatch>>(threads);
        var reading = Task
            .Factory.StartNew(
                () => ReadAsync(pieces, batches.Writer, free, end.Token),
                end.Token,
                TaskCreationOptions.LongRunning,
                TaskScheduler.Default
            )
            .Unwrap();
        try
        {
            await foreach (var batch in batches.Reader.ReadAllAsync(stop))
            {
                yield return await batch;
            }
        }
        finally
        {
            await end.CancelAsync();
            // Not for ever: standard input may never give another byte.
            await Task.WhenAny(reading, Task.Delay(TimeSpan.FromSeconds(2), CancellationToken.None));
        }
    }

    private async Task ReadAsync(
        IEnumerable<RawPiece> pieces,
        ChannelWriter<Task<TokenBatch>> batches,
        SemaphoreSlim free,
        CancellationToken stop
    )
    {
        var (batch, bytes) = (new List<RawPiece>(), 0L);
        try
        {
            Exception? failure = null;
            using var each = pieces.GetEnumerator();
            while (failure is null)
            {
                try
                {
                    if (!each.MoveNext())
                    {
                        break;
                    }
                }
                catch (Exception e)
                {
                    failure = e;
                    continue;
                }

                batch.Add(each.Current);
                bytes += each.Current.Text.Length + (2 * each.Current.Ids?.Length ?? 0);
                if (bytes >= BatchBytes || batch.Count >= BatchPieces)
                {
                    await SendAsync(batch);
                    (batch, bytes) = ([], 0);
                }
            }

            await SendAsync(batch);
            if (failure is not null)
            {
                // After the documents that were read before the failure: they may suffice.
                await batches.WriteAsync(Task.FromException<TokenBatch>(failure), stop);
            }
        }
        finally
        {
            batches.Complete();
        }

        async Task SendAsync(List<RawPiece> batch)
        {
            await free.WaitAsync(stop);
            await batches.WriteAsync(Task.Run(() => Tokenize(batch, free), CancellationToken.None), stop);
        }
    }

    private TokenBatch Tokenize(List<RawPiece> batch, SemaphoreSlim free)
    {
        try
        {
            if (!encoders.TryTake(out var encoder))
            {
                encoder = tokenizer.NewEncoder();
            }

            var tokens = TokenBatch.Of(batch, tokenizer, encoder);
            encoders.Add(encoder);
            return tokens;
        }
        finally
        {
            free.Release();
        }
    }
}
