using Slowrun.Storage.Checkpoints;

namespace Slowrun.Grains.Stages;

/// <summary>How the owner before a take ended.</summary>
/// <param name="Words">For people, as the end of a sentence; empty where nothing is known.</param>
/// <param name="WaitFor">It crashed or failed, and the next try is not due before; null: it is.</param>
internal sealed record OwnerLoss(LossVerdict Verdict, string Words = "", TimeSpan? WaitFor = null);
