using Slowrun.Client.Cli;
using Slowrun.Core;
using Slowrun.Core.Plan;
using Slowrun.Core.Recipes;
using Slowrun.Core.Tokens;

namespace Slowrun.Client.Runs;

/// <summary>The manifest of data that was prepared into a directory, and whether a recipe fits it.</summary>
internal static class PreparedManifest
{
    private const string Name = "manifest.json";

    /// <exception cref="CliException">There is none.</exception>
    /// <exception cref="InvalidDataException">It is damaged; the message names it.</exception>
    public static async Task<DataManifest> ReadAsync(string directory, CancellationToken cancellationToken)
    {
        var path = Path.Combine(directory, Name);
        return File.Exists(path)
            ? CanonicalJson.Deserialize<DataManifest>(await File.ReadAllBytesAsync(path, cancellationToken), path)
            : throw new CliException(ExitCode.NoSuchThing, $"'{directory}' holds no {Name}: it is no prepared data. 'slowrun data prepare' makes such a directory.");
    }

    /// <exception cref="CliException">The model cannot read the data, or the data has too few tokens for a step.</exception>
    public static void Check(DataManifest manifest, Recipe recipe)
    {
        if (manifest.VocabSize > recipe.Model.VocabSize)
        {
            throw new CliException(
                ExitCode.Usage,
                $"The data has {manifest.VocabSize} token ids ('{manifest.Tokenizer}'), and recipe.model.vocabSize is {recipe.Model.VocabSize}: the model knows no others. Set model.vocabSize={manifest.VocabSize}.");
        }

        var least = new RunPlan(recipe).Stages.Max(plan => (long)plan.Stage.Lanes * plan.Stage.DeviceRows * (recipe.Model.SequenceLength + 1));
        if (manifest.Train.Tokens < least)
        {
            throw new CliException(
                ExitCode.Usage,
                $"The data has {manifest.Train.Tokens} training tokens, and one round of lanes takes {least} (lanes times deviceRows times sequenceLength + 1). Prepare more text, or set smaller ones.");
        }
    }
}
