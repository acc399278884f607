using Slowrun.Core.Plan;
using Slowrun.Core.Stages;
using Slowrun.Training.Fingerprinting;
using Slowrun.Training.Numerics;

namespace Slowrun.Grains.Stages;

/// <summary>The numerics fingerprint of each kind of device of this machine: a canned training, run once for each size and
/// precision.</summary>
/// <param name="compute">Of a slot, by itself or for a stage. Null: the engine's.</param>
internal sealed class Fingerprints(Func<string, StagePlan?, string>? compute = null)
{
    private readonly Func<string, StagePlan?, string> compute =
        compute ?? ((slot, plan) => plan is null ? NumericsFingerprint.Of(slot) : NumericsFingerprint.Of(slot, plan));

    /// <summary>Of the slot by itself. Cores are alike; CUDA devices of one machine may not be.</summary>
    public string Of(string slot) => compute(slot, null);

    /// <summary>Of the slot that scores a stage's model.</summary>
    /// <exception cref="DeviceRefusedException">It cannot.</exception>
    public string Of(string slot, StagePlan plan) => compute(slot, plan);

    /// <summary>What a stage's identity has if this slot takes it.</summary>
    /// <exception cref="DeviceRefusedException">It cannot train it.</exception>
    public string OfTake(string slot, StagePlan plan) => plan.ImportedSha256 is null ? Of(slot, plan) : StageIdentity.ImportedFingerprint;

    /// <summary>Whether a slot would train a stage with these bits.</summary>
    public bool Has(string slot, StagePlan plan, string fingerprint) => TryOf(slot, plan) == fingerprint;

    /// <summary>As <see cref="OfTake"/>; null where the slot cannot train the stage; a take reports that.</summary>
    public string? TryOf(string slot, StagePlan plan)
    {
        try
        {
            return OfTake(slot, plan);
        }
        catch (DeviceRefusedException)
        {
            return null;
        }
    }
}
