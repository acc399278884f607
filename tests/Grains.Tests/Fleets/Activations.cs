using System.Collections.Concurrent;

namespace Slowrun.Grains.Tests.Fleets;

/// <summary>Which activation of each grain the last call reached.</summary>
internal sealed class Activations : IIncomingGrainCallFilter
{
    private readonly ConcurrentDictionary<GrainId, IGrainContext> last = [];

    public IGrainContext Of(GrainId grain) => last[grain];

    public Task Invoke(IIncomingGrainCallContext context)
    {
        last[context.TargetId] = context.TargetContext;
        return context.Invoke();
    }
}
