using System.Diagnostics.CodeAnalysis;

namespace Slowrun.Grains.Stages;

/// <summary>A stop signal that carries its reason: the first reason given stands, except that Fenced wins over all.</summary>
[SuppressMessage("Reliability", "CA1001", Justification = "Without a timer or linked tokens the source holds nothing, and a stop may come after the end.")]
internal sealed class StopRequest
{
    private readonly Lock gate = new();
    private readonly CancellationTokenSource source = new();

    public CancellationToken Token => source.Token;

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
