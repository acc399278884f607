using Slowrun.Core.Plan;
using Slowrun.Core.Recipes;

namespace Slowrun.Core.Specs;

/// <summary>Ranges and rules between fields that a spec must keep before a machine is asked for anything.</summary>
internal static class SpecRules
{
    /// <summary>Bytes and the token that begins a document.</summary>
    private const int ByteVocabulary = 257;

    private static readonly string[] Sources = ["sdk-docs", "text"];

    /// <summary>Path and message of every rule that is broken.</summary>
    public static IEnumerable<(string Path, string Message)> Broken(RunSpec spec)
    {
        var rules = new RuleList();
        Data(rules, spec.Recipe);
        Model(rules, spec.Recipe.Model);
        Chains(rules, spec.Recipe);
        Running(rules, spec.Operations);
        return rules.Broken;
    }

    private static void Data(RuleList rules, Recipe recipe)
    {
        var data = recipe.Data;
        rules.Check("recipe.seed", recipe.Seed is >= 0 and <= 1_000_000_000, $"found {recipe.Seed}, expected 0 to 1000000000.");
        rules.Check(
            "recipe.data.source", Sources.Contains(data.Source),
            $"found '{data.Source}', expected one of {string.Join(", ", Sources)}.{Nearest.Hint(data.Source, Sources)}");
        rules.Check("recipe.data.trainTokens", data.TrainTokens >= 1, $"found {data.TrainTokens}, expected at least 1.");
        rules.Check("recipe.data.fitnessTokens", data.FitnessTokens is 0 or >= 2, $"found {data.FitnessTokens}, expected 0 (none) or at least 2.");
        rules.Check("recipe.data.validationTokens", data.ValidationTokens >= 2, $"found {data.ValidationTokens}, expected at least 2: a token and its target.");
        rules.Check(
            "recipe.data.sha256", data.Sha256 is null || (data.Sha256.Length == 64 && data.Sha256.All(char.IsAsciiHexDigitLower)),
            $"found '{data.Sha256}', expected 64 lower-case hex digits, or nothing: it is filled in at submission.");
        rules.Check("recipe.evaluation.rows", recipe.Evaluation.Rows is >= 1 and <= 65_536, $"found {recipe.Evaluation.Rows}, expected 1 to 65536.");
    }

    private static void Model(RuleList rules, ModelRecipe model)
    {
        rules.Check(
            "recipe.model.vocabSize", model.VocabSize is >= ByteVocabulary and <= 1_048_576,
            $"found {model.VocabSize}, expected at least {ByteVocabulary}: bytes (0 to 255) and the token that begins a document.");
        rules.Check("recipe.model.sequenceLength", model.SequenceLength is >= 2 and <= 65_536, $"found {model.SequenceLength}, expected 2 to 65536.");
        rules.Check(
            "recipe.model.layers", model.Layers is >= 2 and <= 1_024 && model.Layers % 2 == 0,
            $"found {model.Layers}, expected an even number from 2: the first half are the U-Net's encoder, the second its decoder.");
        // The gates read the first 12 and 32 channels (upstream's CausalSelfAttention).
        rules.Check("recipe.model.width", model.Width is >= 32 and <= 65_536, $"found {model.Width}, expected 32 to 65536: the gates read 32 channels.");
        if (!rules.Check("recipe.model.heads", model.Heads is >= 1 and <= 1_024, $"found {model.Heads}, expected 1 to 1024."))
        {
            return;
        }

        rules.Check(
            "recipe.model.heads", model.Width % model.Heads == 0 && model.Width / model.Heads % 2 == 0,
            $"found {model.Heads} heads for a width of {model.Width}; the width divided by the heads must be a whole, even number (RoPE turns pairs of channels).");
        rules.Check(
            "recipe.model.windowPattern", model.WindowPattern.Length >= 1 && model.WindowPattern.All("SL".Contains),
            $"found '{model.WindowPattern}', expected letters S (short window) and L (full), for example SSSL.");
        rules.Check("recipe.model.softcap", model.Softcap > 0, $"found {model.Softcap}, expected a number above 0.");
    }

    private static void Chains(RuleList rules, Recipe recipe)
    {
        var chains = recipe.Chains;
        if (!rules.Check("recipe.chains", chains.Count >= 1, "found none, expected at least one chain.")
            || chains.Select((chain, c) => rules.Check(
                $"recipe.chains[{c}].stages", chain.Stages is >= 1 and <= 10_000, $"found {chain.Stages}, expected 1 to 10000.")).Contains(false))
        {
            return;
        }

        rules.Check(
            "recipe.chains", chains.Any(chain => chain.Role == ChainRole.Members),
            "all chains are baselines, expected at least one of role Members: the ensemble would be empty.");
        var exclude = recipe.Ensemble.ExcludeFirstStages;
        rules.Check(
            "recipe.ensemble.excludeFirstStages",
            exclude >= 0 && (exclude == 0 || chains.Any(chain => chain.Role == ChainRole.Members && chain.Stages > exclude)),
            $"found {exclude}, expected at least 0 and fewer than the longest chain of members has stages: the ensemble would be empty.");

        Ensemble(rules, recipe);
        foreach (var plan in new RunPlan(recipe).Stages)
        {
            // Only a chain's first two stages can differ in their settings.
            if (plan.Id.Stage <= 1)
            {
                StageRules.Check(rules, plan, recipe);
            }
        }
    }

    private static void Ensemble(RuleList rules, Recipe recipe)
    {
        var logits = recipe.Ensemble.Average == EnsembleAverage.Logits;
        if (logits)
        {
            rules.Check(
                "recipe.ensemble.average", new RunPlan(recipe).Members.All(member => member.Stage.Selection.LateCheckpoints <= 1),
                "found Logits, but with selection.lateCheckpoints a member is a mixture of probabilities and has no logits; expected Probabilities.");
        }

        if (recipe.Ensemble.Selection is { } selection)
        {
            const string place = "recipe.ensemble.selection";
            rules.Check(place, !logits, "learnt weights belong to probabilities, found average: Logits; expected average: Probabilities, or no selection.");
            rules.Check(
                place, recipe.Data.FitnessTokens > 0,
                "members are selected on the fitness set, found recipe.data.fitnessTokens: 0; expected at least 2 fitness tokens, or no selection.");
            rules.Check(
                $"{place}.sizes", selection.Sizes.Count > 0 && selection.Sizes.All(size => size >= 1),
                $"found [{string.Join(", ", selection.Sizes)}], expected at least one number of members, each 1 or more.");
            rules.Check($"{place}.steps", selection.Steps is >= 1 and <= 100_000, $"found {selection.Steps}, expected 1 to 100000.");
        }
    }

    private static void Running(RuleList rules, Operations operations)
    {
        rules.Check(
            "operations.checkpointAtLeastEvery", operations.CheckpointAtLeastEvery >= TimeSpan.Zero
                && operations.CheckpointAtLeastEvery <= operations.CheckpointAtMostEvery,
            $"found {Duration.Text(operations.CheckpointAtLeastEvery)}, expected a time up to checkpointAtMostEvery ({Duration.Text(operations.CheckpointAtMostEvery)}).");
        rules.Check(
            "operations.expectedTimeBetweenLosses", operations.ExpectedTimeBetweenLosses > TimeSpan.Zero, "expected a time above 0.");
        rules.Check(
            "operations.keepCheckpoints", operations.KeepCheckpoints >= 2,
            $"found {operations.KeepCheckpoints}, expected at least 2: a damaged checkpoint needs one before it.");
        rules.Check("operations.failureBudget", operations.FailureBudget >= 1, $"found {operations.FailureBudget}, expected at least 1.");
    }
}
