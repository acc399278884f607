using Polly;
using Polly.Retry;

namespace Slowrun.Grains.Stages;

/// <summary>An owner's retries when the store does not answer at a moment that cannot be postponed: the state in memory is worth the
/// wait.</summary>
internal static class StoreRetry
{
    // A machine that is told to stop has seconds to minutes; after this the stage goes on elsewhere from its last commit.
    private static readonly TimeSpan StoppingPatience = TimeSpan.FromSeconds(60);

    /// <summary>Until it succeeds or is cancelled: for the end of a stage.</summary>
    public static ResiliencePipeline Patiently { get; } = new ResiliencePipelineBuilder().AddRetry(Options(MayPass)).Build();

    /// <summary>
    /// For all last writes of an owner that is told to stop, together: a store that does not answer is waited for at most a minute. A write
    /// that is under way has no limit here, since a large checkpoint takes many minutes; the silo's own limit ends one that hangs.
    /// </summary>
    public static ResiliencePipeline WhileStopping(TimeProvider time)
    {
        var from = time.GetTimestamp();
        return new ResiliencePipelineBuilder { TimeProvider = time }
            .AddRetry(Options(error => MayPass(error) && time.GetElapsedTime(from) < StoppingPatience))
            .Build();
    }

    /// <summary>Whether the store failed in a way that may pass: no answer, no space, no permission.</summary>
    public static bool MayPass(Exception error) => error is IOException or TimeoutException && error is not InvalidDataException;

    private static RetryStrategyOptions Options(Func<Exception, bool> again) =>
        new()
        {
            ShouldHandle = new PredicateBuilder().Handle(again),
            MaxRetryAttempts = int.MaxValue,
            BackoffType = DelayBackoffType.Exponential,
            UseJitter = true,
            Delay = TimeSpan.FromSeconds(0.5),
            MaxDelay = TimeSpan.FromSeconds(30),
        };
}
