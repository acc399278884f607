namespace Slowrun.Grains.Interfaces;

/// <summary>One finished stage as a member of the ensemble, keyed like its stage: scores the snapshot. Called by slot loops only.</summary>
[Alias("slowrun.member")]
public interface IMemberGrain : IGrainWithStringKey
{
    /// <summary>Offers slots of the calling silo for scoring the member; scoring goes on behind.</summary>
    [Alias("Score")]
    Task<TakeAnswer> Score(SlotOffer offer);
}
