namespace Slowrun.Grains.Interfaces;

/// <summary>
/// One stage, keyed <c>RUN/chain0/stage1</c>; its persistent state is the root document. Only a silo's slot loop calls it: another caller
/// would activate it on an arbitrary silo.
/// </summary>
[Alias("slowrun.stage")]
public interface IStageGrain : IGrainWithStringKey
{
    /// <summary>Offers slots of the calling silo. Returns as soon as the take is committed or refused; training goes on in the
    /// background.</summary>
    [Alias("Take")]
    Task<TakeAnswer> Take(SlotOffer offer);
}
