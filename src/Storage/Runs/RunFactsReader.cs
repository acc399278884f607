using System.Collections.Concurrent;
using Slowrun.Core.Plan;
using Slowrun.Core.Stages;
using Slowrun.Core.Tokens;
using Slowrun.Storage.Tokens;

namespace Slowrun.Storage.Runs;

/// <summary>Reads all that the store knows of a run: what a status without a cluster is made of, and what slot loops look for work in.</summary>
public sealed class RunFactsReader(IObjectStore store)
{
    // Immutable, named by their hash.
    private readonly ConcurrentDictionary<string, DataManifest> manifests = new(StringComparer.Ordinal);

    /// <param name="aliveSilos">Addresses of the silos that the cluster's membership holds for alive.</param>
    /// <returns>Null where there is no such run.</returns>
    /// <exception cref="InvalidDataException">A document is damaged; the message names it.</exception>
    public async Task<RunFacts?> ReadAsync(string run, IReadOnlySet<string> aliveSilos, CancellationToken cancellationToken = default)
    {
        var documents = new RunDocuments(store, run);
        if (await documents.TryReadDatedSpecAsync(cancellationToken).ConfigureAwait(false) is not var (spec, submittedAt))
        {
            return null;
        }

        var facts = new RunFacts(spec);
        var intent = documents.ReadIntentAsync(cancellationToken);
        var stages = await Task.WhenAll(facts.Plan.Stages.Select(stage => ReadStageAsync(documents, stage.Id, cancellationToken))).ConfigureAwait(false);
        var scores = new RunScores(store, run);
        // Nothing is scored before it has finished: until then there is nothing to list.
        var anyFinished = stages.Any(stage => stage.Root is { Finished: true });
        var data = anyFinished && spec.Recipe.Data.Sha256 is { } sha256 ? await ManifestAsync(sha256, cancellationToken).ConfigureAwait(false) : null;
        var scored = anyFinished ? await scores.ListAsync(cancellationToken).ConfigureAwait(false) : [];
        return facts with
        {
            Intent = await intent.ConfigureAwait(false),
            Roots = stages.Where(stage => stage.Root is not null).ToDictionary(stage => stage.Id, stage => stage.Root!),
            Progress = stages.Where(stage => stage.Progress is not null).ToDictionary(stage => stage.Id, stage => stage.Progress!),
            Scores = On(data?.Validation),
            FitnessScores = spec.Recipe.Ensemble.Selection is null ? [] : On(data?.Fitness),
            Ensembles = anyFinished ? await scores.ListEnsemblesAsync(cancellationToken).ConfigureAwait(false) : [],
            Judging = anyFinished ? await documents.ReadJudgingAsync(cancellationToken).ConfigureAwait(false) : new JudgingFailures(),
            AliveSilos = aliveSilos,
            SubmittedAt = submittedAt,
        };

        IReadOnlyList<MemberScore> On(StoredTokens? set) => [.. scored.Where(score => score.SetSha256 == set?.Sha256)];
    }

    private static async Task<(StageId Id, StageRoot? Root, StageProgress? Progress)> ReadStageAsync(
        RunDocuments documents, StageId id, CancellationToken cancellationToken)
    {
        var root = await documents.TryReadRootAsync(id, cancellationToken).ConfigureAwait(false);
        var progress = root is null ? null : await documents.TryReadProgressAsync(id, cancellationToken).ConfigureAwait(false);
        return (id, root, progress);
    }

    private async Task<DataManifest> ManifestAsync(string data, CancellationToken cancellationToken)
    {
        if (!manifests.TryGetValue(data, out var manifest))
        {
            manifests[data] = manifest = await new StoredTokenSets(store).ReadManifestAsync(data, cancellationToken).ConfigureAwait(false);
        }

        return manifest;
    }
}
