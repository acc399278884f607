namespace Slowrun.Grains.Stages;

/// <summary>The activation whose state was to be used has ended: the state is reached past it from now on.</summary>
internal sealed class ActivationEndedException(Exception? inner = null)
    : Exception("The activation that held the root document has ended.", inner);
