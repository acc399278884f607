using Microsoft.Extensions.Logging;
using Slowrun.Core.Plan;
using Slowrun.Grains.Interfaces;
using Slowrun.Grains.Slots;
using Slowrun.Grains.Stages;

namespace Slowrun.Grains.Members;

/// <summary>One finished stage as a member: scores its snapshot.</summary>
[GrainType("member")]
internal sealed class MemberGrain(MemberScoring scoring, ScoringTrouble trouble, SiloSlots slots, ILogger<MemberGrain> log)
    : ScoringGrain(slots, log),
        IMemberGrain
{
    public Task<TakeAnswer> Score(SlotOffer offer)
    {
        var (run, id) = StageKey.Parse(this.GetPrimaryKeyString());
        return Task.FromResult(
            Start(
                offer,
                WorkName.Score(run, id),
                async stop =>
                {
                    var made = await scoring.ScoreAsync(run, id, offer.Slots, stop);
                    trouble.Over(run, id);
                    return made;
                },
                error => trouble.TellAsync(run, id, error)
            )
        );
    }
}
