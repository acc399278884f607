using Polly;
using Polly.Retry;
using Polly.Timeout;

namespace Slowrun.Grains.Stages;

/// <summary>What an owner does when the store is away at a moment that cannot be put off: the state in memory is worth waiting for.</summary>
internal static class StoreRetry
{
    // A machine that is told to stop has seconds to minutes; after this the stage goes on elsewhere from its last commit.
    private static readonly TimeSpan StoppingPatience = TimeSpan.FromSeconds(60);

    /// <summary>Until it succeeds or is cancelled: for the end of a stage.</summary>
    public static ResiliencePipeline Patiently { get; } = new ResiliencePipelineBuilder().AddRetry(Options()).Build();

    /// <summary>For a minute at most: for the last commit of an owner that is told to stop.</summary>
    public static ResiliencePipeline WhileStopping { get; } =
        new ResiliencePipelineBuilder().AddTimeout(StoppingPatience).AddRetry(Options()).Build();

    /// <summary>Whether it is the store's trouble, so that waiting may help: no answer, no space, no permission just now.</summary>
    public static bool MayPass(Exception error) => error is IOException or TimeoutException or TimeoutRejectedException && error is not InvalidDataException;

    private static RetryStrategyOptions Options() => new()
    {
        ShouldHandle = new PredicateBuilder().Handle<Exception>(MayPass),
        MaxRetryAttempts = int.MaxValue,
        BackoffType = DelayBackoffType.Exponential,
        UseJitter = true,
        Delay = TimeSpan.FromSeconds(0.5),
        MaxDelay = TimeSpan.FromSeconds(30),
    };
}
