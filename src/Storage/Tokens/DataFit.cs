using Slowrun.Core;
using Slowrun.Core.Plan;
using Slowrun.Core.Recipes;
using Slowrun.Core.Tokens;

namespace Slowrun.Storage.Tokens;

/// <summary>Reads one of a manifest's sets, verified.</summary>
public delegate Task<TokenSet> SetReader(StoredTokens tokens, CancellationToken stop);

/// <summary>Whether a recipe fits data that was prepared.</summary>
public static class DataFit
{
    /// <param name="name">As the user named the data.</param>
    /// <param name="recipe">With the sizes that it has before it takes the data's.</param>
    /// <exception cref="InvalidRequestException">The model is made for other tokens, a set that the recipe needs is missing, or there are
    /// too few tokens for a step.</exception>
    public static void Check(DataManifest manifest, string name, Recipe recipe)
    {
        ArgumentNullException.ThrowIfNull(manifest);
        ArgumentNullException.ThrowIfNull(recipe);
        if (manifest.VocabSize != recipe.Model.VocabSize)
        {
            throw new InvalidRequestException(
                $"The data '{name}' has {manifest.VocabSize} token ids ({manifest.Tokenizer}), the recipe's model {recipe.Model.VocabSize}. Set model.vocabSize={manifest.VocabSize}, or give other data."
            );
        }

        if (manifest.Validation is null)
        {
            throw new InvalidRequestException(
                $"The data '{name}' has no validation set, so nothing could be reported. Prepare it with --val-tokens."
            );
        }

        if (manifest.Fitness is null && recipe.Data.FitnessTokens > 0)
        {
            throw new InvalidRequestException(
                $"The data '{name}' has no fitness set, and the recipe's has {recipe.Data.FitnessTokens} tokens. Prepare it with --fitness-tokens, or set data.fitnessTokens=0 if the recipe chooses nothing."
            );
        }

        foreach (var (set, tokens, option) in EvaluationSets(manifest))
        {
            if (tokens.Tokens < 2)
            {
                throw new InvalidRequestException(
                    $"The data '{name}' has a {set} set of {tokens.Tokens} token, expected at least 2: a token and its target. Prepare it with a larger {option}."
                );
            }
        }

        // Imported stages train on nothing.
        var least = new RunPlan(recipe)
            .Stages.Where(plan => plan.ImportedSha256 is null)
            .Select(plan => (long)plan.Stage.Lanes * plan.Stage.DeviceRows * (recipe.Model.SequenceLength + 1))
            .DefaultIfEmpty(0)
            .Max();
        if (manifest.Train.Tokens < least)
        {
            throw new InvalidRequestException(
                $"The data '{name}' has {manifest.Train.Tokens} training tokens, and one round of lanes takes {least} (lanes times deviceRows times sequenceLength + 1). Prepare more text, or set smaller ones."
            );
        }
    }

    /// <summary>Refuses sets that would be judged by a loss in bits per byte, and have no byte to divide by.</summary>
    /// <param name="manifest">It has passed <see cref="Check"/>.</param>
    /// <exception cref="InvalidRequestException">A set's tokens stand for no text.</exception>
    /// <exception cref="InvalidDataException">A set is damaged.</exception>
    public static async Task CheckTextAsync(DataManifest manifest, string name, SetReader read, CancellationToken stop)
    {
        ArgumentNullException.ThrowIfNull(manifest);
        foreach (var (set, tokens, option) in EvaluationSets(manifest))
        {
            await CheckTextAsync(name, set, tokens, read, $"Prepare it with a larger {option}, or of other text.", stop)
                .ConfigureAwait(false);
        }
    }

    /// <param name="advice">What to do where it has none.</param>
    public static async Task CheckTextAsync(
        string name,
        string set,
        StoredTokens tokens,
        SetReader read,
        string advice,
        CancellationToken stop
    )
    {
        ArgumentNullException.ThrowIfNull(tokens);
        ArgumentNullException.ThrowIfNull(read);
        if (tokens.Tokens < 2 || !HasText(await read(tokens, stop).ConfigureAwait(false)))
        {
            throw new InvalidRequestException(
                $"The {set} set of the data '{name}' has {tokens.Tokens} tokens in {tokens.Documents} documents, and none of its targets stands for any text: there is nothing to judge by. {advice}"
            );
        }
    }

    private static IEnumerable<(string Name, StoredTokens Tokens, string Option)> EvaluationSets(DataManifest manifest) =>
        new[] { ("validation", manifest.Validation, "--val-tokens"), ("fitness", manifest.Fitness, "--fitness-tokens") }
            .Where(set => set.Item2 is not null)
            .Select(set => (set.Item1, set.Item2!, set.Item3));

    private static bool HasText(TokenSet set)
    {
        var ids = new int[1 << 12];
        // The first token is not a target.
        for (long at = 1; at < set.Length; at += ids.Length)
        {
            var some = ids.AsSpan(0, (int)Math.Min(ids.Length, set.Length - at));
            set.Read(at, some);
            foreach (var id in some)
            {
                if (set.TokenBytes[id] > 0)
                {
                    return true;
                }
            }
        }

        return false;
    }
}
