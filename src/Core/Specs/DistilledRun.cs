using System.Text.Json.Nodes;
using Slowrun.Core.Plan;
using Slowrun.Core.Recipes;

namespace Slowrun.Core.Specs;

/// <summary>What becomes of a spec when a finished run's ensemble is to be distilled into its model.</summary>
public static class DistilledRun
{
    /// <summary>The teacher that a finished run's ensemble is: its members with their weights, and how each is passed.</summary>
    /// <exception cref="InvalidOperationException">There is no ensemble of all members yet.</exception>
    public static TeacherRecipe Teacher(RunFacts facts)
    {
        ArgumentNullException.ThrowIfNull(facts);
        var members = facts.ScoredMembers;
        var ensemble = facts.EnsembleOf(members) ?? throw new InvalidOperationException($"Run '{facts.Spec.Name}' has no ensemble yet.");
        return new TeacherRecipe
        {
            Run = facts.Spec.Name,
            Average = facts.Spec.Recipe.Ensemble.Average,
            Model = facts.Spec.Recipe.Model,
            Members =
            [
                .. members
                    .Select(
                        (id, i) =>
                            (facts.Plan[id].Stage, facts.RootOf(id).Snapshot!.Sha256, Weight: ensemble.Weights?[i] ?? 1.0 / members.Count)
                    )
                    .Where(member => member.Weight > 0)
                    .Select(member => new TeacherMemberRecipe
                    {
                        Sha256 = member.Sha256,
                        Weight = member.Weight,
                        Models = member.Stage.Selection.LateCheckpoints,
                        Loop = member.Stage.Loop,
                        Recurrence = member.Stage.Recurrence,
                    }),
            ],
        };
    }

    /// <summary>
    /// One chain of one stage that trains as the spec's first chain does. The spec's own chains and ensemble are left out: one model is
    /// made, which nothing is averaged with.
    /// </summary>
    /// <param name="ownData">Whether the spec's data is trained on, and not the teacher's.</param>
    /// <param name="baseline">A second chain of the same stage without a teacher, for comparison.</param>
    public static RunSpec Of(RunSpec spec, RunFacts teacher, bool ownData, bool baseline)
    {
        ArgumentNullException.ThrowIfNull(spec);
        ArgumentNullException.ThrowIfNull(teacher);
        var recipe = spec.Recipe;
        var stage = recipe.Chains is [var first, ..]
            ? CanonicalJson.Patched(recipe.Stage, first.Stage, "recipe.chains[0].stage")
            : recipe.Stage;
        var untaught = new ChainRecipe
        {
            Role = ChainRole.Baseline,
            Stage = new JsonObject { ["distillation"] = null },
        };
        return spec with
        {
            Recipe = recipe with
            {
                Data = ownData ? recipe.Data : teacher.Spec.Recipe.Data with { Order = recipe.Data.Order, FileSeed = recipe.Data.FileSeed },
                Stage = stage with
                {
                    Distillation = stage.Distillation ?? new DistillationRecipe(),
                    Continuation = null,
                    OuterBatchTokens = null,
                },
                Chains = [new ChainRecipe(), .. baseline ? [untaught] : Array.Empty<ChainRecipe>()],
                Ensemble = new EnsembleRecipe(),
                Teacher = Teacher(teacher),
            },
        };
    }
}
