using Slowrun.Core;
using Slowrun.Core.Recipes;
using Slowrun.Core.Stages;

namespace Slowrun.Grains.Interfaces;

/// <summary>The answer to a stage owner's report.</summary>
/// <param name="Intent">What the user wants of the run now.</param>
/// <param name="EpochToken">The highest one known of the stage: an owner with a lower one has been replaced.</param>
/// <param name="Operations">The run's, as they are now; null: not known.</param>
public sealed record OwnerOrders(RunIntent Intent, long EpochToken, Operations? Operations) : ExtensibleRecord;
