using Microsoft.Extensions.Logging;
using Slowrun.Core.Plan;
using Slowrun.Grains.Interfaces;
using Slowrun.Grains.Slots;

namespace Slowrun.Grains.Members;

/// <summary>A run's ensemble: averages its members after each new score.</summary>
[GrainType("ensemble")]
internal sealed class EnsembleGrain(EnsembleScoring scoring, ScoringTrouble trouble, SiloSlots slots, ILogger<EnsembleGrain> log)
    : ScoringGrain(slots, log),
        IEnsembleGrain
{
    public Task<TakeAnswer> Mix(SlotOffer offer)
    {
        var run = this.GetPrimaryKeyString();
        return Task.FromResult(
            Start(
                offer,
                WorkName.Mix(run),
                async stop =>
                {
                    var made = await scoring.ScoreAsync(run, offer.Slots, stop);
                    trouble.Over(run, null);
                    return made;
                },
                error => trouble.TellAsync(run, null, error)
            )
        );
    }
}
