using Slowrun.Client.Cli;
using Slowrun.Core;
using Slowrun.Core.Mixtures;
using Slowrun.Core.Plan;
using Slowrun.Core.Recipes;
using Slowrun.Core.Tokens;
using Slowrun.Storage;
using Slowrun.Storage.Tokens;

namespace Slowrun.Client.Results;

/// <summary>Computes the loss of a mixture on the validation set.</summary>
internal sealed class MixtureJudge(ClientContext context, IObjectStore store, RunFacts facts)
{
    /// <param name="request">The options by which the mixture was chosen.</param>
    /// <exception cref="NotPossibleException">Logits are averaged, and the run has not computed this mixture.</exception>
    /// <exception cref="InvalidDataException">A vector or the data are damaged.</exception>
    public async Task<EnsembleReport> JudgeAsync(MixtureRequest request, ChosenMixture mixture, CancellationToken stop)
    {
        var run = facts.Spec.Name;
        if (mixture.Average == EnsembleAverage.Logits)
        {
            return OfLogits(request, mixture);
        }

        long judged = 0;
        var (opened, mixed) = (0, mixture.Mixed.ToList());
        await using var remarks = new Remarks(
            context,
            () =>
                judged > 0
                    ? $"Mixed {Human.Count(judged)} of {Human.Count(mixed[0].Score.Tokens)} tokens"
                    : $"Reading the members' scores: {Human.Count(opened)} of {Human.Count(mixed.Count)}"
        );
        var bytes = await TargetBytesAsync(stop);
        using var vectors = await OpenedVectors.OpenAsync(store, run, [.. mixed.Select(member => member.Score)], n => opened = n, stop);
        var answer = await Task.Run(
            () =>
                JudgedMixture.Of(
                    vectors.P,
                    [.. mixed.Select(member => member.Weight)],
                    bytes,
                    Environment.ProcessorCount,
                    n => Volatile.Write(ref judged, n),
                    stop
                ),
            stop
        );
        await vectors.CheckAsync(stop);
        return EnsembleReport.Of(run, mixture, answer);
    }

    private EnsembleReport OfLogits(MixtureRequest request, ChosenMixture mixture)
    {
        var run = facts.Spec.Name;
        var stored = facts.EnsembleOf([.. mixture.Members.Select(member => member.Stage)]);
        if (stored is not null)
        {
            return EnsembleReport.OfStored(run, mixture, stored);
        }

        var own = facts.Ensembles.MaxBy(ensemble => ensemble.Members.Count);
        var done = own is null
            ? "It has computed none yet."
            : FormattableString.Invariant(
                $"It has computed the average of {own.Members.Count}: {own.LossNats:0.0000} nats/token, {own.BitsPerByte:0.0000} bits/byte; 'slowrun ensemble {run}' shows it."
            );
        throw new NotPossibleException(
            $"'{run}' averages logits (ensemble.average), which takes every member's forward pass: what scores keep, p(target), cannot be mixed into that. {done} "
                + (request.IsOwn ? "A silo computes it." : "A run with ensemble.average=Probabilities can be mixed in any way.")
        );
    }

    private async Task<int[]> TargetBytesAsync(CancellationToken stop)
    {
        var manifest = await new StoredTokenSets(store).ReadManifestAsync(facts.Spec.Recipe.Data.Sha256!, stop);
        return TargetBytes.Of(await new LocalTokenSets(store).ReadAsync(manifest, manifest.Validation!, stop));
    }
}
