using Slowrun.Core.Stages;

namespace Slowrun.Storage.Checkpoints;

/// <summary>The identity of a take differs from that with which the stage began.</summary>
public sealed class StageIdentityException(StageIdentity begun, StageIdentity offered) : Exception(Words(begun, offered))
{
    /// <summary>What the stage's bytes depend on so far.</summary>
    public StageIdentity Begun => begun;

    public StageIdentity Offered => offered;

    /// <summary>Only the device differs: a slot with the fingerprint begun with could take it.</summary>
    public bool OnlyFingerprint => begun with { NumericsFingerprint = offered.NumericsFingerprint } == offered;

    private static string Words(StageIdentity begun, StageIdentity offered) =>
        $"The stage was begun with something else than is offered now: {string.Join("; ", IdentityDifferences.Between(begun, offered))}. {IdentityDifferences.Advice(begun, offered)}";
}
