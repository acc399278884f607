using Slowrun.Core.Plan;
using Slowrun.Core.Recipes;

namespace Slowrun.Core.Specs;

/// <summary>Ranges and rules between fields that a spec must keep before a machine is asked for anything.</summary>
internal static class SpecRules
{
    // Far beyond any run; unrolling more would only take memory.
    private const int MostStages = 10_000;

    private static readonly string[] Sources = ["sdk-docs", "text"];

    /// <summary>Path and message of every rule that is broken.</summary>
    public static IEnumerable<(string Path, string Message)> Broken(RunSpec spec)
    {
        var rules = new RuleList();
        Data(rules, spec.Recipe);
        Model(rules, spec.Recipe.Model);
        Chains(rules, spec.Recipe);
        TeacherRules.Check(rules, spec.Recipe);
        Running(rules, spec.Operations);
        NotifyRules.Check(rules, spec.Operations);
        return rules.Broken;
    }

    private static void Data(RuleList rules, Recipe recipe)
    {
        var data = recipe.Data;
        rules.Check(
            "recipe.data.source",
            Sources.Contains(data.Source),
            $"found '{SpecProblem.Shortened(data.Source)}', expected one of "
                + $"{string.Join(", ", Sources)}.{Nearest.Hint(data.Source, Sources)}"
        );
        rules.Check(
            "recipe.data.fitnessTokens",
            data.FitnessTokens != 1,
            "found 1, expected 0 (none) or at least 2: a token and its target."
        );
        rules.Check(
            "recipe.data.sha256",
            data.Sha256 is null || CanonicalJson.IsSha256(data.Sha256),
            $"found '{SpecProblem.Shortened(data.Sha256 ?? "")}', expected 64 lower-case hex digits, or nothing: "
                + "it is filled in at submission."
        );
    }

    private static void Model(RuleList rules, ModelRecipe model)
    {
        rules.Check(
            "recipe.model.layers",
            model.Layers % 2 == 0,
            $"found {model.Layers}, expected an even number from 2: the first half are the U-Net's encoder, the second its decoder."
        );
        var multiple = model.HalfRope ? 4 : 2;
        rules.Check(
            "recipe.model.heads",
            model.Width % (multiple * model.Heads) == 0,
            $"found {model.Heads} heads for a width of {model.Width}; the width divided by the heads must be a "
                + $"multiple of {multiple} (RoPE turns pairs of "
                + $"channels{(model.HalfRope ? ", halfRope half of them" : "")})."
        );
        rules.Check(
            "recipe.model.windowPattern",
            model.WindowPattern.Length is >= 1 and <= 1_024 && model.WindowPattern.All("SL".Contains),
            $"found '{SpecProblem.Shortened(model.WindowPattern)}', expected letters S (short window) and L (full), for example SSSL."
        );
        var windows = Models.AttentionWindows.Of(model);
        rules.Check(
            model.ShortWindow is null ? "recipe.model.longWindow" : "recipe.model.shortWindow",
            windows.Narrow <= windows.Wide,
            $"found windows of {windows.Narrow} (shortWindow) and {windows.Wide} (longWindow) keys, expected the "
                + "short one to be the shorter."
        );
        rules.Check(
            "recipe.model.longWindow",
            model.LongWindow is null || model.LongWindow <= model.SequenceLength,
            $"found {model.LongWindow}, expected at most the sequenceLength, {model.SequenceLength}: there are no more keys."
        );
        var longWindows = YarnRecipe.AllWindows(model);
        rules.Check(
            "recipe.model.yarn.longWindows",
            model.Yarn is null || (longWindows.Count > 1 && longWindows.Zip(longWindows.Skip(1)).All(pair => pair.First < pair.Second)),
            $"found [{string.Join(", ", model.Yarn?.LongWindows ?? [])}], expected at least one, ascending, all "
                + $"below the model's long window, {longWindows[^1]}: they grow up to it."
        );
        rules.Check(
            "recipe.model.yarn.beta",
            model.Yarn is null || model.Yarn.Beta > model.Yarn.Alpha,
            $"found {model.Yarn?.Beta}, expected more than alpha, {model.Yarn?.Alpha}."
        );
        foreach (var (field, message) in SharedBlocksCheck.OfModel(model))
        {
            rules.Check($"recipe.model.{field}", kept: false, message);
        }

        rules.Check(
            "recipe.model.xsa.firstLayers",
            model.Xsa?.FirstLayers is null || model.Xsa.FirstLayers <= model.Layers,
            $"found {model.Xsa?.FirstLayers}, expected at most the model's {model.Layers} layers."
        );
    }

    private static void Chains(RuleList rules, Recipe recipe)
    {
        var chains = recipe.Chains;
        if (
            !rules.Check("recipe.chains", chains.Count >= 1, "found none, expected at least one chain.")
            || !rules.Check(
                "recipe.chains",
                chains.Sum(chain => (long)chain.Stages) <= MostStages,
                $"found {chains.Sum(chain => (long)chain.Stages)} stages in {chains.Count} chains, expected at most {MostStages} in all."
            )
        )
        {
            return;
        }

        var exclude = recipe.Ensemble.ExcludeFirstStages;
        rules.Check(
            "recipe.ensemble.excludeFirstStages",
            exclude == 0 || chains.Any(chain => chain.Role == ChainRole.Members && chain.Stages > exclude),
            $"found {exclude}, expected fewer than the longest chain of members has stages: the ensemble would be empty."
        );

        var stages = Plan(recipe);
        Ensemble(rules, recipe, stages);
        foreach (var (c, chain) in chains.Index())
        {
            Imported(rules, chain, c, [.. stages.Where(stage => stage.Id.Chain == c).Take((chain.Imported?.Count ?? 0) + 1)]);
        }

        foreach (var plan in stages)
        {
            // Only a chain's first two stages, and the first that is trained, can differ in their settings.
            if (plan.Id.Stage <= 1 || plan.Id.Stage == chains[plan.Id.Chain].Imported?.Count)
            {
                StageRules.Check(rules, plan, recipe);
            }
        }
    }

    /// <param name="first">The chain's imported stages and the one after them, where the recipe has a plan.</param>
    private static void Imported(RuleList rules, ChainRecipe chain, int c, IReadOnlyList<StagePlan> first)
    {
        if (chain.Imported is not { } imported)
        {
            return;
        }

        var place = $"recipe.chains[{c}].imported";
        rules.Check(
            place,
            imported.Count >= 1 && imported.Count <= chain.Stages,
            $"found {imported.Count} snapshots for {chain.Stages} stages, expected 1 to {chain.Stages}: they are the chain's first ones."
        );
        foreach (var sha256 in imported.Where(sha256 => !CanonicalJson.IsSha256(sha256)))
        {
            rules.Check(
                place,
                kept: false,
                $"found '{SpecProblem.Shortened(sha256)}', expected the SHA-256 of a snapshot, 64 lower-case hex digits: 'slowrun import FILE' prints it."
            );
        }

        rules.Check(
            place,
            first.Count <= imported.Count || first[^1].Predecessor is null,
            $"stage {imported.Count} goes on from an imported model, which has no optimizer's state; expected stage.continuation: null, "
                + "or all of the chain's stages imported."
        );
    }

    private static void Ensemble(RuleList rules, Recipe recipe, IReadOnlyList<StagePlan> stages)
    {
        var logits = recipe.Ensemble.Average == EnsembleAverage.Logits;
        if (logits)
        {
            rules.Check(
                "recipe.ensemble.average",
                stages.All(stage => stage.Stage.Selection.LateCheckpoints <= 1),
                "found Logits, but with selection.lateCheckpoints a member is a mixture of probabilities and has no "
                    + "logits; expected Probabilities."
            );
        }

        if (recipe.Ensemble.Selection is { } selection)
        {
            const string place = "recipe.ensemble.selection";
            rules.Check(
                place,
                !logits,
                "learnt weights belong to probabilities, found average: Logits; expected average: Probabilities, or no selection."
            );
            rules.Check(
                place,
                recipe.Data.FitnessTokens > 0,
                "members are selected on the fitness set, found recipe.data.fitnessTokens: 0; expected at least 2 "
                    + "fitness tokens, or no selection."
            );
            rules.Check(
                place,
                recipe.Chains.Any(chain => chain.Role == ChainRole.Members),
                "all chains are baselines, and there is no member to select; expected a chain of role Members, or no selection."
            );
            rules.Check(
                $"{place}.sizes",
                selection.Sizes.Count > 0 && selection.Sizes.All(size => size >= 1),
                $"found [{string.Join(", ", selection.Sizes)}], expected at least one number of members, each 1 or more."
            );
        }
    }

    private static IReadOnlyList<StagePlan> Plan(Recipe recipe)
    {
        try
        {
            return new RunPlan(recipe).Stages;
        }
        catch (InvalidDataException)
        {
            // A chain's patch makes no whole stage of the recipe's; the reader has said of which field.
            return [];
        }
    }

    private static void Running(RuleList rules, Operations operations)
    {
        rules.Check(
            "operations.checkpointAtLeastEvery",
            operations.CheckpointAtLeastEvery >= TimeSpan.Zero && operations.CheckpointAtLeastEvery <= operations.CheckpointAtMostEvery,
            $"found {Duration.Text(operations.CheckpointAtLeastEvery)}, expected a time up to "
                + $"checkpointAtMostEvery ({Duration.Text(operations.CheckpointAtMostEvery)})."
        );
        rules.Check(
            "operations.expectedTimeBetweenLosses",
            operations.ExpectedTimeBetweenLosses > TimeSpan.Zero,
            "found 0s, expected a time above 0."
        );
    }
}
