using System.Runtime.CompilerServices;

namespace Slowrun.Tests.Waiting;

/// <summary>Waits for what another thread, silo or process does, by asking again and again.</summary>
internal static class Until
{
    /// <summary>Longer than anything takes that still comes, also on a machine with much other work.</summary>
    public static readonly TimeSpan Patience = TimeSpan.FromMinutes(10);

    private static readonly TimeSpan Pause = TimeSpan.FromMilliseconds(20);

    /// <summary>Waits until the condition holds.</summary>
    /// <param name="condition">It may assert: its exceptions end the wait.</param>
    /// <param name="text">The condition as the compiler saw it, for the message.</param>
    /// <exception cref="Xunit.Sdk.XunitException">It did not hold within <see cref="Patience"/>.</exception>
    public static Task HoldsAsync(Func<bool> condition, [CallerArgumentExpression(nameof(condition))] string text = "") =>
        HoldsAsync(_ => Task.FromResult(condition()), text);

    /// <inheritdoc cref="HoldsAsync(Func{bool}, string)"/>
    public static Task HoldsAsync(Func<Task<bool>> condition, [CallerArgumentExpression(nameof(condition))] string text = "") =>
        HoldsAsync(_ => condition(), text);

    /// <inheritdoc cref="HoldsAsync(Func{bool}, string)"/>
    public static Task HoldsAsync(
        Func<CancellationToken, Task<bool>> condition,
        [CallerArgumentExpression(nameof(condition))] string text = ""
    ) => HoldsAsync(condition, () => text);

    /// <param name="describe">What was waited for and what is known of it, for the message.</param>
    /// <inheritdoc cref="HoldsAsync(Func{bool}, string)"/>
    public static async Task HoldsAsync(Func<CancellationToken, Task<bool>> condition, Func<string> describe)
    {
        var stop = TestContext.Current.CancellationToken;
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(stop);
        limit.CancelAfter(Patience);
        try
        {
            while (!await condition(limit.Token))
            {
                await Task.Delay(Pause, limit.Token);
            }
        }
        catch (OperationCanceledException) when (limit.IsCancellationRequested && !stop.IsCancellationRequested)
        {
            Assert.Fail($"Waited {Patience.TotalMinutes} minutes in vain for: {describe()}");
        }
    }
}
