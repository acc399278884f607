namespace Slowrun.Grains.Interfaces;

/// <summary>A run's ensemble, by the run's name: averages the members scored so far. Called by slot loops only.</summary>
[Alias("slowrun.ensemble")]
public interface IEnsembleGrain : IGrainWithStringKey
{
    /// <summary>Offers slots of the calling silo for averaging; it goes on behind.</summary>
    [Alias("Mix")]
    Task<TakeAnswer> Mix(SlotOffer offer);
}
