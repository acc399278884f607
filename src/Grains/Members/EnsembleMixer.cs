using Slowrun.Core.Mixtures;
using Slowrun.Core.Plan;
using Slowrun.Core.Stages;
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
        var sum = Array.Empty<double>();
        var mean = Array.Empty<double>();
        var running = new List<double>();
        foreach (var id in members)
        {
            var p = await scores.ReadVectorAsync(facts.ScoreOf(id)!, cancellationToken);
            if (running.Count == 0)
            {
                (sum, mean) = (new double[p.Length], new double[p.Length]);
            }

            Mixture.Add(sum, p, 1);
            for (var i = 0; i < sum.Length; i++)
            {
                mean[i] = sum[i] / (running.Count + 1);
            }

            running.Add(Mixture.LossNats(mean));
        }

        await scores.TryCreateEnsembleAsync(
            new EnsembleScore
            {
                Members = [.. members.Select(id => facts.RootOf(id).Snapshot!.Sha256)],
                Running = running,
                LossNats = running[^1],
                BitsPerByte = Mixture.BitsPerByte(mean, data.Validation!),
            },
            cancellationToken);
    }
}
