using Slowrun.Core.Stages;

namespace Slowrun.Storage.Checkpoints;

/// <summary>A stage has begun as something else than a take wants to go on with.</summary>
public sealed class StageIdentityException(string message, StageIdentity begun, StageIdentity offered) : Exception(message)
{
    /// <summary>What the stage's bytes depend on so far.</summary>
    public StageIdentity Begun => begun;

    public StageIdentity Offered => offered;

    /// <summary>Only the device differs: a slot with the fingerprint begun with could take it.</summary>
    public bool OnlyFingerprint => begun with { NumericsFingerprint = offered.NumericsFingerprint } == offered;
}
