namespace Slowrun.Grains.Interfaces;

/// <summary>
/// One stage, keyed <c>RUN/chain0/stage1</c>; its persistent state is the root document. Only a silo's slot loop calls it: a call from
/// anywhere else would activate it on whatever silo.
/// </summary>
[Alias("slowrun.stage")]
public interface IStageGrain : IGrainWithStringKey
{
    /// <summary>Offers slots of the calling silo. Returns as soon as the take is committed or refused; training goes on behind.</summary>
    [Alias("Take")]
    Task<TakeAnswer> Take(SlotOffer offer);
}
