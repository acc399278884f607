using Slowrun.Client.Cli;
using Slowrun.Core.Plan;
using Slowrun.Core.Recipes;
using Slowrun.Core.Tokens;

namespace Slowrun.Client.Runs;

/// <summary>Whether a recipe fits data that was prepared.</summary>
internal static class PreparedManifest
{
    /// <param name="name">As the user named the data.</param>
    /// <param name="recipe">With the sizes that it has before it takes the data's.</param>
    /// <exception cref="CliException">The model is made for other tokens, a set that the recipe needs is missing, or there are too few tokens for a step.</exception>
    public static void Check(DataManifest manifest, string name, Recipe recipe)
    {
        if (manifest.VocabSize != recipe.Model.VocabSize)
        {
            throw new CliException(
                ExitCode.Usage,
                $"The data '{name}' has {manifest.VocabSize} token ids ({manifest.Tokenizer}), the recipe's model {recipe.Model.VocabSize}. Set model.vocabSize={manifest.VocabSize}, or give other data.");
        }

        if (manifest.Validation is null)
        {
            throw new CliException(ExitCode.Usage, $"The data '{name}' has no validation set, so nothing could be reported. Prepare it with --val-tokens.");
        }

        if (manifest.Fitness is null && recipe.Data.FitnessTokens > 0)
        {
            throw new CliException(
                ExitCode.Usage,
                $"The data '{name}' has no fitness set, and the recipe's has {recipe.Data.FitnessTokens} tokens. Prepare it with --fitness-tokens, or set data.fitnessTokens=0 if the recipe chooses nothing.");
        }

        var least = new RunPlan(recipe).Stages.Max(plan => (long)plan.Stage.Lanes * plan.Stage.DeviceRows * (recipe.Model.SequenceLength + 1));
        if (manifest.Train.Tokens < least)
        {
            throw new CliException(
                ExitCode.Usage,
                $"The data '{name}' has {manifest.Train.Tokens} training tokens, and one round of lanes takes {least} (lanes times deviceRows times sequenceLength + 1). Prepare more text, or set smaller ones.");
        }
    }
}
