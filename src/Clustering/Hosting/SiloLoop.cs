namespace Slowrun.Clustering.Hosting;

/// <summary>A loop that runs beside a silo from one of its stages on, until the silo leaves that stage again.</summary>
internal static class SiloLoop
{
    /// <param name="owner">Named where Orleans reports what takes long.</param>
    /// <param name="stage">See <see cref="ServiceLifecycleStage"/>.</param>
    /// <param name="first">Done before the loop begins, while the silo waits; null: nothing.</param>
    /// <param name="repeat">The loop. It ends with its token, and does not fail; the silo waits for that.</param>
    public static void SubscribeLoop(
        this ISiloLifecycle lifecycle,
        string owner,
        int stage,
        Func<CancellationToken, Task> repeat,
        Func<CancellationToken, Task>? first = null
    )
    {
        var ending = new CancellationTokenSource();
        var loop = Task.CompletedTask;
        lifecycle.Subscribe(
            owner,
            stage,
            async start =>
            {
                await (first?.Invoke(start) ?? Task.CompletedTask);
                loop = Task.Run(() => repeat(ending.Token), CancellationToken.None);
            },
            async _ =>
            {
                await ending.CancelAsync();
                await loop;
            }
        );
    }
}
