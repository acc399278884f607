namespace Slowrun.Grains.Stages;

/// <summary>A stop signal that carries its reason: the first reason given stands, except that Fenced wins over all.</summary>
internal sealed class StopRequest
{
    private readonly Lock gate = new();
    private readonly CancellationTokenSource source = new();

    public CancellationToken Token => source.Token;

    // Without a timer or linked tokens the source holds nothing to dispose, and a stop may come after the end.
    public StopReason? Reason { get; private set; }

    public void Stop(StopReason reason)
    {
        lock (gate)
        {
            if (Reason is null || reason == StopReason.Fenced)
            {
                Reason = reason;
            }
        }

        source.Cancel();
    }
}
