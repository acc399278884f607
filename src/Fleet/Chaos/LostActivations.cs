using Slowrun.Core.Stages;
using Slowrun.Fleet.Silos;

namespace Slowrun.Fleet.Chaos;

/// <summary>Counts the stages that lost their grain's activation while they trained, from the logs of silos that have ended.</summary>
internal sealed class LostActivations
{
    private readonly HashSet<string> read = new(StringComparer.Ordinal);

    public int Count { get; private set; }

    /// <summary>Counts in the log of a silo that writes it no more; each log once.</summary>
    public void Read(string log)
    {
        if (read.Add(log))
        {
            Count += SiloLogs.Count(log, SiloLogText.ActivationEnds);
        }
    }
}
