using System.Runtime.CompilerServices;
using Slowrun.Core;
using Slowrun.Core.Plan;
using Slowrun.Core.Recipes;
using Slowrun.Core.Stages;
using Slowrun.Core.Tokens;
using Slowrun.Storage.Runs;
using Slowrun.Storage.Tokens;

namespace Slowrun.Storage.Checkpoints;

/// <summary>
/// Reads every byte that a run depends on and compares it with its hash: documents, data, the snapshots that teach, checkpoints, snapshots,
/// scores, ensembles, events. (A stage's progress is a hint, and is not among them.)
/// </summary>
public sealed class RunVerification(IObjectStore store, RunSpec spec)
{
    private const string Json = ".json";

    private readonly string run = spec.Name;
    private readonly RunPlan plan = new(spec.Recipe);

    /// <param name="only">The stage in question, and what it depends on; null: the whole run.</param>
    /// <param name="begin">Called for each object before it is read.</param>
    public IAsyncEnumerable<VerifiedObject> VerifyAsync(
        StageId? only,
        Action<VerifiedObject>? begin = null,
        CancellationToken cancellationToken = default
    )
    {
        List<StageId> stages = [.. plan.Stages.Select(stage => stage.Id).Where(id => only is null || id == only)];
        var ledger = new CheckpointInventory(store, run);
        var teachers = stages
            .Where(id => plan[id].TeacherEnsemble is not null)
            .ToAsyncEnumerable()
            .SelectMany(id => ledger.VerifyTeachersAsync(id, plan[id].TeacherEnsemble!, begin, cancellationToken));
        return DocumentsAsync(cancellationToken)
            .Concat(DataAsync(begin, cancellationToken))
            .Concat(ledger.VerifyAsync(stages, begin, cancellationToken))
            .Concat(teachers)
            .Concat(ScoresAsync(stages, begin, cancellationToken))
            .Concat(only is null ? EnsemblesAsync(cancellationToken) : AsyncEnumerable.Empty<VerifiedObject>())
            .Concat(only is null ? EventsAsync(begin, cancellationToken) : AsyncEnumerable.Empty<VerifiedObject>());
    }

    private async IAsyncEnumerable<VerifiedObject> DocumentsAsync([EnumeratorCancellation] CancellationToken cancellationToken)
    {
        var copy =
            $"A silo or 'slowrun checkpoints repair {run}' writes it again from its own copy. Without one, put it back from a copy of the store";
        const string Reserve = "Nothing, as long as the document itself is whole: this is its copy. Delete it, and a silo makes it anew.";
        yield return await DocumentAsync<RunSpec>(
                new(null, LedgerState.Spec, RunPaths.Spec(run)),
                $"{copy}: nothing of the run is taken without it.",
                required: true,
                cancellationToken
            )
            .ConfigureAwait(false);
        foreach (
            var one in new[]
            {
                await DocumentAsync<Operations>(
                        new(null, LedgerState.Operations, RunPaths.Operations(run)),
                        $"{copy}; or delete it: then the spec's own operations hold again.",
                        required: false,
                        cancellationToken
                    )
                    .ConfigureAwait(false),
                await DocumentAsync<RunIntent>(
                        new(null, LedgerState.Intent, RunPaths.Intent(run)),
                        $"{copy}; or give the order anew.",
                        required: false,
                        cancellationToken
                    )
                    .ConfigureAwait(false),
                await DocumentAsync<RunSpec>(
                        new(null, LedgerState.Spec, CopiedJson.CopyOf(RunPaths.Spec(run))),
                        Reserve,
                        required: false,
                        cancellationToken
                    )
                    .ConfigureAwait(false),
                await DocumentAsync<Operations>(
                        new(null, LedgerState.Operations, CopiedJson.CopyOf(RunPaths.Operations(run))),
                        Reserve,
                        required: false,
                        cancellationToken
                    )
                    .ConfigureAwait(false),
                await DocumentAsync<RunIntent>(
                        new(null, LedgerState.Intent, CopiedJson.CopyOf(RunPaths.Intent(run))),
                        Reserve,
                        required: false,
                        cancellationToken
                    )
                    .ConfigureAwait(false),
            }
        )
        {
            if (one.LengthBytes > 0 || one.Damage is not null)
            {
                yield return one;
            }
        }

        var submitted = await DocumentAsync<RunSubmission>(
                new(null, LedgerState.Spec, RunPaths.Submitted(run)),
                "Delete it: then the time at which the spec was written is taken for that of the submission.",
                required: false,
                cancellationToken
            )
            .ConfigureAwait(false);
        if (submitted.Damage is not null)
        {
            yield return submitted;
        }

        foreach (var name in new[] { RunNaming.Document, CopiedJson.CopyOf(RunNaming.Document) })
        {
            var names = await DocumentAsync<GivenNames>(
                    new(null, LedgerState.Names, name),
                    $"What runs are called by 'slowrun rename', for all runs. 'slowrun checkpoints repair {run}', or the next 'rename', writes it again from its copy. Without one, or to have none: delete it, each run has its own name still.",
                    required: false,
                    cancellationToken
                )
                .ConfigureAwait(false);
            if (names.LengthBytes > 0)
            {
                yield return names;
            }
        }
    }

    private async Task<VerifiedObject> DocumentAsync<T>(
        VerifiedObject one,
        string advice,
        bool required,
        CancellationToken cancellationToken
    )
    {
        var found = await store.TryReadAsync(one.Name, cancellationToken).ConfigureAwait(false);
        if (found is null)
        {
            return required ? one with { Damage = $"'{one.Name}' is missing.", Advice = advice } : one;
        }

        one = one with { LengthBytes = found.Content.Length };
        try
        {
            SealedJson.Deserialize<T>(one.Name, found.Content.Span);
            return one;
        }
        catch (InvalidDataException e)
        {
            return one with { Damage = e.Message, Advice = advice };
        }
    }

    private async IAsyncEnumerable<VerifiedObject> DataAsync(
        Action<VerifiedObject>? begin,
        [EnumeratorCancellation] CancellationToken cancellationToken
    )
    {
        const string Advice =
            "Put the object back from a copy of the store; or delete it and submit the run again with its data, which uploads it. Silos take nothing that needs it "
            + "until then, and go on by themselves. What has finished was trained on whole data.";
        if (spec.Recipe.Data.Sha256 is not { } sha256)
        {
            yield break;
        }

        var sets = new StoredTokenSets(store);
        DataManifest? manifest = null;
        var first = new VerifiedObject(null, LedgerState.Data, DataPaths.Of(sha256));
        begin?.Invoke(first);
        var damage = await CheckpointInventory
            .DamageOfAsync(async () => manifest = await sets.ReadManifestAsync(sha256, cancellationToken).ConfigureAwait(false))
            .ConfigureAwait(false);
        yield return manifest is not null
            ? first with
            {
                LengthBytes = CanonicalJson.Serialize(manifest).Length,
            }
            : first with
            {
                Damage = damage,
                Advice = Advice,
            };
        foreach (var (_, hash, length) in manifest is null ? [] : DataFiles.Of(manifest).DistinctBy(file => file.Sha256))
        {
            var one = new VerifiedObject(null, LedgerState.Data, DataPaths.Of(hash)) { LengthBytes = length };
            begin?.Invoke(one);
            damage = await CheckpointInventory
                .DamageOfAsync(() => sets.VerifyAsync(manifest!, hash, cancellationToken))
                .ConfigureAwait(false);
            yield return damage is null ? one : one with { Damage = damage, Advice = Advice };
        }
    }

    private async IAsyncEnumerable<VerifiedObject> ScoresAsync(
        IReadOnlyList<StageId> stages,
        Action<VerifiedObject>? begin,
        [EnumeratorCancellation] CancellationToken cancellationToken
    )
    {
        const string Advice =
            "Nothing is lost: delete the score's document and its vector, and a silo scores the member again, with the same result.";
        var owners = new Dictionary<string, StageId>(StringComparer.Ordinal);
        var documents = new RunDocuments(store, run);
        foreach (var id in plan.Stages.Select(stage => stage.Id))
        {
            StageRoot? root = null;
            await CheckpointInventory
                .DamageOfAsync(async () => root = await documents.TryReadRootAsync(id, cancellationToken).ConfigureAwait(false))
                .ConfigureAwait(false);
            if (root?.Snapshot is { } snapshot)
            {
                owners[snapshot.Sha256] = id;
            }
        }

        var scores = new RunScores(store, run);
        await foreach (var entry in store.ListAsync(RunPaths.Scores(run), cancellationToken).ConfigureAwait(false))
        {
            var owner = owners.FirstOrDefault(pair => entry.Name.Contains(pair.Key, StringComparison.Ordinal));
            if (
                !entry.Name.EndsWith(Json, StringComparison.Ordinal)
                || (stages.Count < plan.Stages.Count && (owner.Key is null || !stages.Contains(owner.Value)))
            )
            {
                continue;
            }

            var one = new VerifiedObject(owner.Key is null ? null : owner.Value, LedgerState.Score, entry.Name)
            {
                LengthBytes = entry.LengthBytes,
            };
            begin?.Invoke(one);
            var damage = await CheckpointInventory
                .DamageOfAsync(async () =>
                {
                    if (await store.TryReadJsonAsync<MemberScore>(entry.Name, cancellationToken).ConfigureAwait(false) is { } score)
                    {
                        var values = await scores.ReadVectorAsync(score, cancellationToken).ConfigureAwait(false);
                        one = one with { LengthBytes = entry.LengthBytes + ((long)values.Length * sizeof(float)) };
                    }
                })
                .ConfigureAwait(false);
            yield return damage is null ? one : one with { Damage = damage, Advice = Advice };
        }
    }

    private async IAsyncEnumerable<VerifiedObject> EnsemblesAsync([EnumeratorCancellation] CancellationToken cancellationToken)
    {
        await foreach (var entry in store.ListAsync(RunPaths.Ensembles(run), cancellationToken).ConfigureAwait(false))
        {
            yield return await DocumentAsync<EnsembleScore>(
                    new(null, LedgerState.Ensemble, entry.Name),
                    "Nothing is lost: delete it, and a silo averages the members again, with the same result.",
                    required: false,
                    cancellationToken
                )
                .ConfigureAwait(false);
        }
    }

    /// <summary>One result for all that are whole: there may be thousands.</summary>
    private async IAsyncEnumerable<VerifiedObject> EventsAsync(
        Action<VerifiedObject>? begin,
        [EnumeratorCancellation] CancellationToken cancellationToken
    )
    {
        var whole = new VerifiedObject(null, LedgerState.Events, RunPaths.Events(run));
        begin?.Invoke(whole);
        await foreach (var entry in store.ListAsync(whole.Name, cancellationToken).ConfigureAwait(false))
        {
            var one = await DocumentAsync<RunEvent>(
                    new(null, LedgerState.Events, entry.Name),
                    "Delete it: events are for people, nothing depends on them.",
                    required: false,
                    cancellationToken
                )
                .ConfigureAwait(false);
            if (one.Damage is not null)
            {
                yield return one;
            }

            whole = whole with { LengthBytes = whole.LengthBytes + (one.Damage is null ? entry.LengthBytes : 0) };
        }

        if (whole.LengthBytes > 0)
        {
            yield return whole;
        }
    }
}
