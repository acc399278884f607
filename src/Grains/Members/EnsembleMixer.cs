using Slowrun.Core.Mixtures;
using Slowrun.Core.Plan;
using Slowrun.Core.Stages;
using Slowrun.Core.Tokens;
using Slowrun.Grains.Stages;
using Slowrun.Storage;
using Slowrun.Storage.Runs;

namespace Slowrun.Grains.Members;

/// <summary>Averages the members' stored p(target): one pass over the vectors, no model.</summary>
internal sealed class EnsembleMixer(IObjectStore store, TokenSets tokens)
{
    /// <summary>Mixes the members with equal weights and keeps the result, created if absent: several silos may do it at once.</summary>
    public async Task MixAsync(RunFacts facts, IReadOnlyList<StageId> members, CancellationToken cancellationToken)
    {
        var scores = new RunScores(store, facts.Spec.Name);
        var data = await tokens.GetAsync(facts.Spec.Recipe.Data.Sha256!, cancellationToken);
        ProbabilityMixture? mixture = null;
        var running = new List<double>();
        foreach (var id in members)
        {
            var p = await scores.ReadVectorAsync(facts.ScoreOf(id)!, cancellationToken);
            mixture ??= new ProbabilityMixture(p.Length);
            mixture.Add(p);
            running.Add(mixture.LossNats());
        }

        await scores.TryCreateEnsembleAsync(
            new EnsembleScore
            {
                Members = [.. members.Select(id => facts.RootOf(id).Snapshot!.Sha256)],
                Running = running,
                LossNats = running[^1],
                BitsPerByte = mixture!.BitsPerByte(TargetBytes.Of(data.Validation!)),
            },
            cancellationToken);
    }
}
