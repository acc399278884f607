using System.Collections.Concurrent;
using Slowrun.Core.Plan;
using Slowrun.Core.Stages;
using Slowrun.Core.Tokens;
using Slowrun.Storage.Tokens;

namespace Slowrun.Storage.Runs;

/// <summary>
/// Reads all documents of a run, for status without a cluster and for the search for work. Each document is read on its own: a damaged one
/// is reported, and hides no other. Documents that cannot change are read once, and again at long intervals.
/// </summary>
public sealed class RunFactsReader(IObjectStore store, TimeProvider? time = null)
{
    // A living owner is asked for its progress; the document is for the time after its loss.
    private static readonly TimeSpan ProgressFresh = TimeSpan.FromSeconds(15);

    private readonly TimeProvider time = time ?? TimeProvider.System;

    // Immutable, named by their hash.
    private readonly ConcurrentDictionary<string, DataManifest> manifests = new(StringComparer.Ordinal);
    private readonly ConcurrentDictionary<string, RunMemory> memories = new(StringComparer.Ordinal);

    /// <summary>Reads a run, with all that people may have changed.</summary>
    /// <param name="aliveSilos">Addresses of the silos that the cluster's membership holds for alive.</param>
    /// <returns>Null where there is no such run.</returns>
    /// <exception cref="InvalidDataException">The spec is damaged, and its copy too; the message names it.</exception>
    public Task<RunFacts?> ReadAsync(string run, IReadOnlySet<string> aliveSilos, CancellationToken cancellationToken = default) =>
        ReadAsync(run, aliveSilos, known: false, isStill: null, cancellationToken);

    /// <inheritdoc cref="ReadAsync(string, IReadOnlySet{string}, CancellationToken)"/>
    /// <param name="isStill">As for a glance.</param>
    public Task<RunFacts?> ReadAsync(
        string run,
        IReadOnlySet<string> aliveSilos,
        Func<StageId, StageRoot?, TimeSpan, bool>? isStill,
        CancellationToken cancellationToken = default
    ) => ReadAsync(run, aliveSilos, known: false, isStill, cancellationToken);

    /// <summary>
    /// As <see cref="ReadAsync(string, IReadOnlySet{string}, CancellationToken)"/>, but takes spec, intent and operations as they were last
    /// read, and the stored progress of living owners.
    /// </summary>
    /// <param name="isStill">
    /// Whether an unfinished stage's root need not be read again, by what it was when it was last read (null: there was none) and how long
    /// ago that was. Null: each is read.
    /// </param>
    public Task<RunFacts?> GlanceAsync(
        string run,
        IReadOnlySet<string> aliveSilos,
        Func<StageId, StageRoot?, TimeSpan, bool>? isStill,
        CancellationToken cancellationToken = default
    ) => ReadAsync(run, aliveSilos, known: true, isStill, cancellationToken);

    private async Task<RunFacts?> ReadAsync(
        string run,
        IReadOnlySet<string> aliveSilos,
        bool known,
        Func<StageId, StageRoot?, TimeSpan, bool>? isStill,
        CancellationToken cancellationToken
    )
    {
        var memory = memories.GetOrAdd(run, _ => new RunMemory());
        memory.ForgetOldest(time);
        var orders =
            known && memory.Orders is { } last ? last : await RunOrders.ReadAsync(store, run, cancellationToken).ConfigureAwait(false);
        if (orders.Spec.Value is not { } spec || orders.Plan is not { } plan)
        {
            memories.TryRemove(run, out _);
            return orders.Spec.Damage is not { } lost
                ? null
                : throw new InvalidDataException(
                    $"{lost} It has no copy; without it the run's recipe is not known. Put it back from a copy of the store, or submit the same recipe again under another name."
                );
        }

        if (memory.Orders is { } before && before.Spec.ModifiedAt != orders.Spec.ModifiedAt)
        {
            // Another run of that name, or a spec put back: what was remembered may be another's.
            memories[run] = memory = new RunMemory();
        }

        memory.Orders = orders;
        memory.SubmittedAt ??=
            await new RunDocuments(store, run).TryReadSubmittedAtAsync(cancellationToken).ConfigureAwait(false) ?? orders.Spec.ModifiedAt;
        var damage = orders.Damage(run).ToList();
        var stages = await new StageDocuments(store, run, memory, time, isStill)
            .ReadAsync(plan, root => known && aliveSilos.Contains(root.Owner!.Silo) ? ProgressFresh : TimeSpan.Zero, cancellationToken)
            .ConfigureAwait(false);
        damage.AddRange(stages.Damage);
        var facts = new RunFacts(spec with { Operations = orders.Operations.Value ?? spec.Operations }, plan)
        {
            Intent = orders.Intent.Value ?? (orders.Intent.Damage is null ? new RunIntent() : RunIntent.Held),
            Roots = stages.Roots,
            Progress = stages.Progress,
            AliveSilos = aliveSilos,
            SubmittedAt = memory.SubmittedAt,
        };
        if (stages.Roots.Values.Any(root => root.Finished))
        {
            // Nothing is scored before it has finished: until then there is nothing to list.
            facts = await ScoredAsync(facts, memory, damage, cancellationToken).ConfigureAwait(false);
        }

        return facts with
        {
            Damage = damage,
        };
    }

    private async Task<RunFacts> ScoredAsync(
        RunFacts facts,
        RunMemory memory,
        List<DocumentDamage> damage,
        CancellationToken cancellationToken
    )
    {
        var run = facts.Spec.Name;
        var data = await TryManifestAsync(facts.Spec.Recipe.Data.Sha256, damage, cancellationToken).ConfigureAwait(false);
        var scored = With();
        // All that can be scored is, and so is their mixture: there is nothing that a listing could add.
        var complete =
            !memory.MustList
            && (!scored.Plan.HasMembers || (scored.ScoredMembers is { Count: > 0 } members && scored.EnsembleOf(members) is not null))
            && scored.Plan.Stages.All(stage => !scored.RootOf(stage.Id).Finished || scored.IsScored(stage.Id));
        if (complete)
        {
            return scored;
        }

        memory.MustList = false;
        var scores = new RunScores(store, run);
        await scores
            .RefreshAsync(
                memory,
                time,
                (what, name, why) => damage.Add(new DocumentDamage(what, name, why, "A silo computes it again, with the same result.")),
                cancellationToken
            )
            .ConfigureAwait(false);
        return With() with { Judging = await TryJudgingAsync(run, damage, cancellationToken).ConfigureAwait(false) };

        RunFacts With()
        {
            var all = memory.Scores.OrderBy(pair => pair.Key, StringComparer.Ordinal).Select(pair => pair.Value.Value).ToList();
            var onFitness = facts.Plan.JudgesOnFitness;
            return facts with
            {
                // Without the manifest it is not known which set is which; a set that the recipe does not use has no scores.
                Scores = data is null && !onFitness ? all : On(data?.Validation),
                FitnessScores = onFitness ? On(data?.Fitness) : [],
                Ensembles = [.. memory.Ensembles.OrderBy(pair => pair.Key, StringComparer.Ordinal).Select(pair => pair.Value.Value)],
            };

            IReadOnlyList<MemberScore> On(StoredTokens? set) => [.. all.Where(score => score.SetSha256 == set?.Sha256)];
        }
    }

    /// <summary>What could not be judged: asked only while something is left to be.</summary>
    private async Task<JudgingFailures> TryJudgingAsync(string run, List<DocumentDamage> damage, CancellationToken cancellationToken)
    {
        try
        {
            return await new RunDocuments(store, run).ReadJudgingAsync(cancellationToken).ConfigureAwait(false);
        }
        catch (InvalidDataException e)
        {
            damage.Add(
                new DocumentDamage(
                    DocumentKind.Judging,
                    RunPaths.Judging(run),
                    e.Message,
                    "A silo deletes it: what could not be judged is tried again within its budget."
                )
            );
            return new JudgingFailures();
        }
    }

    private async Task<DataManifest?> TryManifestAsync(string? data, List<DocumentDamage> damage, CancellationToken cancellationToken)
    {
        if (data is null)
        {
            return null;
        }

        try
        {
            if (!manifests.TryGetValue(data, out var manifest))
            {
                manifests[data] = manifest = await new StoredTokenSets(store)
                    .ReadManifestAsync(data, cancellationToken)
                    .ConfigureAwait(false);
            }

            return manifest;
        }
        catch (InvalidDataException e)
        {
            damage.Add(
                new DocumentDamage(
                    DocumentKind.Data,
                    DataPaths.Of(data),
                    e.Message,
                    "Nothing can be trained or scored on it until the object is put back from a copy of the store, or uploaded again."
                )
            );
            return null;
        }
    }
}
