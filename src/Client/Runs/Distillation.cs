using Slowrun.Client.Cli;
using Slowrun.Core;
using Slowrun.Core.Plan;
using Slowrun.Core.Recipes;
using Slowrun.Core.Specs;
using Slowrun.Data.Corpus;
using Slowrun.Data.Preparation;
using Slowrun.Reading.Runs;
using Slowrun.Storage;
using Slowrun.Storage.Runs;
using Slowrun.Storage.Tokens;

namespace Slowrun.Client.Runs;

/// <summary>Makes the spec of a run that learns from another run's whole ensemble, and refuses unsuitable teachers.</summary>
internal sealed class Distillation(IObjectStore store, RunReader reader)
{
    // Sections that <c>distill</c> itself sets, or that the teacher determines.
    private static readonly (string Section, string Why)[] Fixed =
    [
        ("chains", "a distilled run has one chain of one stage, which trains as SPEC's first chain does; --set stage.… changes it"),
        ("ensemble", "a distilled run is one model, and nothing is averaged"),
        ("teacher", "the teacher is RUN's ensemble"),
    ];

    private static readonly string[] StudentsOwn = ["data.order", "data.fileSeed"];

    /// <param name="spec">The student's, as the user named it.</param>
    /// <exception cref="NotFoundException">There is no such run.</exception>
    /// <exception cref="NotPossibleException">It has no ensemble yet, or has lost a member.</exception>
    /// <exception cref="InvalidRequestException">The data is of other tokens, or --set contradicts what RUN decides.</exception>
    /// <exception cref="SpecException">The student's model or stage does not suit the teacher.</exception>
    public async Task<(RunSpec Spec, RunFacts Teacher)> SpecAsync(
        string run,
        RunSpec spec,
        IReadOnlyList<string> set,
        GivenData given,
        bool baseline,
        CancellationToken stop
    )
    {
        var teacher = await reader.FactsAsync(run, stop);
        CheckFinished(teacher);
        if (spec.Name == teacher.Spec.Name)
        {
            throw new InvalidRequestException(
                $"The distilled run cannot be called '{spec.Name}' like its teacher. Give another name with --name."
            );
        }

        var ownData = given.Prepared is not null || given.TextFiles.Count > 0;
        CheckSet(set, ownData, run);
        var student = DistilledRun.Of(spec, teacher, ownData, baseline);
        SpecReader.Check(student);
        await CheckSnapshotsAsync(teacher, student.Recipe.Teacher!, stop);
        await CheckTokensAsync(teacher, given, stop);
        return (student, teacher);
    }

    private static void CheckFinished(RunFacts teacher)
    {
        if (!teacher.Plan.HasMembers)
        {
            throw new NotPossibleException(
                $"All chains of '{teacher.Spec.Name}' are baselines, and an ensemble teaches: name a run with a chain of role Members."
            );
        }

        var state = Readiness.StateOf(teacher);
        if (state != RunState.Succeeded)
        {
            var members = teacher.Plan.Members.ToList();
            throw new NotPossibleException(
                $"Run '{teacher.Spec.Name}' is {state}: {teacher.ScoredMembers.Count} of the {members.Count} members of its ensemble are trained and judged. "
                    + $"All of them teach, so it has to succeed first; 'slowrun status {teacher.Spec.Name}' shows what is missing."
            );
        }
    }

    private static void CheckSet(IReadOnlyList<string> set, bool ownData, string run)
    {
        foreach (var assignment in set)
        {
            var path = assignment.Split('=')[0].Trim();
            path = path.StartsWith("recipe.", StringComparison.Ordinal) ? path["recipe.".Length..] : path;
            var section = path.Split('.', '[')[0];
            var why =
                section == "data" && !ownData && !StudentsOwn.Contains(path)
                    ? $"the data is that of '{run}'; --text or --data give other data"
                    : Fixed.FirstOrDefault(one => one.Section == section).Why;
            if (why is not null)
            {
                throw new InvalidRequestException($"--set {assignment} would change nothing: {why}.");
            }
        }
    }

    /// <summary>Checked at submission, rather than by a silo later. A silo verifies their bytes when it opens them.</summary>
    private async Task CheckSnapshotsAsync(RunFacts teacher, TeacherRecipe recipe, CancellationToken stop)
    {
        var run = teacher.Spec.Name;
        var folder = RunPaths.Snapshot(run, "x");
        var there = await store
            .ListAsync(folder[..(folder.LastIndexOf('/') + 1)], stop)
            .Select(entry => entry.Name)
            .ToHashSetAsync(cancellationToken: stop);
        var missing = recipe.Members.Select(member => RunPaths.Snapshot(run, member.Sha256)).Where(name => !there.Contains(name)).ToList();
        if (missing.Count > 0)
        {
            var stage = teacher.Plan.Members.First(plan => teacher.RootOf(plan.Id).Snapshot?.Name == missing[0]).Id;
            throw new NotPossibleException(
                $"{missing.Count} of the {recipe.Members.Count} members that would teach are missing from '{store.Address}', the first is {run}/{stage}'s: '{missing[0]}'. "
                    + "Put the object back from a copy: an ensemble never teaches with fewer members than it was judged with."
            );
        }
    }

    /// <summary>Equal numbers of ids are not enough: an id has to mean the same to teacher and student.</summary>
    private async Task CheckTokensAsync(RunFacts teacher, GivenData given, CancellationToken stop)
    {
        var tokenizer = (await new StoredTokenSets(store).ReadManifestAsync(teacher.Spec.Recipe.Data.Sha256!, stop)).Tokenizer;
        var (name, found) =
            given.Prepared is { } prepared
                ? (prepared, (await NamedData.OpenAsync(prepared, () => Task.FromResult(store), stop)).Manifest.Tokenizer)
            : given.TextFiles is [var file, ..] ? (file, ByteTokens.Name)
            : ("", tokenizer);
        if (found != tokenizer)
        {
            throw new InvalidRequestException(
                $"The data '{name}' is in tokens of '{found}', run '{teacher.Spec.Name}' was trained on tokens of '{tokenizer}'. A student needs the teacher's tokens: prepare the data with those."
            );
        }
    }
}
