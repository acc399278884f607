using Slowrun.Client.Cli;
using Slowrun.Clustering.Membership;
using Slowrun.Core.Plan;
using Slowrun.Core.Status;

namespace Slowrun.Client.Display;

/// <summary>Shows a run as it goes: drawn over in a terminal, as lines elsewhere.</summary>
internal abstract class ProgressView : IAsyncDisposable
{
    public static ProgressView For(ClientContext context, RunPlan plan) =>
        context.Interactive ? new LiveProgress(context, plan) : new PlainProgress(context, plan);

    /// <param name="silos">The silos that serve the store now; null: not known.</param>
    public abstract void Show(RunStatus status, IReadOnlyList<LiveSilo>? silos = null);

    /// <summary>A remark that stays to be read.</summary>
    public abstract void Say(string line);

    public abstract ValueTask DisposeAsync();
}
