using Slowrun.Core.Plan;
using Slowrun.Core.Tokens;
using Slowrun.Storage;
using Slowrun.Storage.Runs;
using Slowrun.Storage.Tokens;

namespace Slowrun.Reading.Explain;

/// <summary>Whether the inputs of a run's stages are in the store, with the right length. Silos and <c>checkpoints verify</c> verify the
/// bytes.</summary>
internal static class InputProblems
{
    /// <summary>Of the run's data; null: it is there.</summary>
    public static async Task<string?> OfDataAsync(IObjectStore store, RunFacts facts, CancellationToken cancellationToken)
    {
        if (facts.Spec.Recipe.Data.Sha256 is not { } sha256)
        {
            return null;
        }

        try
        {
            var manifest = await new StoredTokenSets(store).ReadManifestAsync(sha256, cancellationToken);
            foreach (var (name, lengthBytes) in ObjectsOf(manifest))
            {
                if (await ProblemAsync(store, name, lengthBytes, cancellationToken) is { } problem)
                {
                    return $"{problem} Put it back from a copy, or delete what is left of it and submit the run again with the "
                        + "same data: that uploads it.";
                }
            }

            return null;
        }
        catch (InvalidDataException e)
        {
            return e.Message;
        }
    }

    /// <summary>Of teachers and of final states that stages go on from: what is missing, by the stage that needs it and could
    /// begin.</summary>
    public static async Task<IReadOnlyDictionary<StageId, string>> OfStagesAsync(
        IObjectStore store,
        RunFacts facts,
        CancellationToken cancellationToken
    )
    {
        var problems = new Dictionary<StageId, string>();
        foreach (var id in Readiness.ToTrain(facts))
        {
            foreach (var (name, lengthBytes, what, advice) in NeedsOf(facts, facts.Plan[id]))
            {
                if (await ProblemAsync(store, name, lengthBytes, cancellationToken) is { } problem)
                {
                    problems[id] = $"{problem} It is {what}, without which this stage cannot be trained. {advice}";
                    break;
                }
            }
        }

        return problems;
    }

    private static IEnumerable<(string Name, long LengthBytes)> ObjectsOf(DataManifest manifest)
    {
        foreach (var set in new[] { manifest.Train, manifest.Fitness, manifest.Validation }.OfType<StoredTokens>())
        {
            yield return (DataPaths.Of(set.Sha256), set.Tokens * sizeof(ushort));
            yield return (DataPaths.Of(set.DocumentStartsSha256), (long)set.Documents * sizeof(long));
        }

        if (manifest.TokenBytesSha256 is { } tokenBytes)
        {
            yield return (DataPaths.Of(tokenBytes), (long)manifest.VocabSize * sizeof(int));
        }
    }

    private static IEnumerable<(string Name, long? LengthBytes, string What, string Advice)> NeedsOf(RunFacts facts, StagePlan plan)
    {
        const string Restore = "Put it back from a copy; nothing else of the run has to be deleted.";
        if (plan.ImportedSha256 is { } imported)
        {
            yield return (
                RunPaths.Snapshot(facts.Spec.Name, imported),
                null,
                "the weights that it is made of",
                "Put it back from a copy, or import the file again under the run's name."
            );
        }

        foreach (var teacher in plan.TeacherStages)
        {
            if (facts.RootOf(teacher).Snapshot is { } snapshot)
            {
                yield return (snapshot.Name, snapshot.LengthBytes, $"the snapshot of '{teacher}', which teaches", Restore);
            }
        }

        foreach (var member in plan.TeacherEnsemble?.Members ?? [])
        {
            yield return (
                RunPaths.Snapshot(plan.TeacherEnsemble!.Run, member.Sha256),
                null,
                $"a member of run '{plan.TeacherEnsemble.Run}', whose ensemble teaches",
                Restore
            );
        }

        if (plan.Predecessor is { } before && facts.RootOf(before).Current is { } final)
        {
            yield return (final.Manifest, null, $"the manifest of the final state of '{before}', which it goes on from", Restore);
        }
    }

    /// <param name="lengthBytes">Null: any.</param>
    private static async Task<string?> ProblemAsync(IObjectStore store, string name, long? lengthBytes, CancellationToken cancellationToken)
    {
        var entry = await store.ListAsync(name, cancellationToken).FirstOrDefaultAsync(entry => entry.Name == name, cancellationToken);
        return entry is null ? $"'{name}' is missing from the store."
            : lengthBytes is { } expected && entry.LengthBytes != expected
                ? FormattableString.Invariant($"'{name}' is damaged: it has {entry.LengthBytes} bytes, expected {expected}.")
            : null;
    }
}
