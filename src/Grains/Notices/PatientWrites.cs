using Polly;
using Polly.Retry;
using Slowrun.Grains.Stages;

namespace Slowrun.Grains.Notices;

/// <summary>Writes of which none may be lost to a store that is away for a while.</summary>
internal sealed class PatientWrites(TimeProvider time)
{
    private readonly ResiliencePipeline patiently = new ResiliencePipelineBuilder { TimeProvider = time }
        .AddRetry(
            new RetryStrategyOptions
            {
                ShouldHandle = new PredicateBuilder().Handle<Exception>(StoreRetry.MayPass),
                MaxRetryAttempts = int.MaxValue,
                BackoffType = DelayBackoffType.Exponential,
                UseJitter = true,
                Delay = TimeSpan.FromSeconds(1),
                MaxDelay = TimeSpan.FromMinutes(5),
            }
        )
        .Build();

    /// <summary>Writes, again while the store does not answer; once where the silo stops.</summary>
    public async Task<T> PersistAsync<T>(Func<Task<T>> write, CancellationToken closing)
    {
        try
        {
            return await write();
        }
        catch (Exception e) when (StoreRetry.MayPass(e))
        {
            return await patiently.ExecuteAsync(async _ => await write(), closing);
        }
    }
}
