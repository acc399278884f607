using System.Text.Json.Nodes;
using Slowrun.Core;
using Slowrun.Core.Models;
using Slowrun.Core.Recipes;
using Slowrun.Core.Specs;
using Slowrun.Core.Tensors;

namespace Slowrun.Client.Imports;

/// <summary>The spec of a run whose chains are imported models, one each.</summary>
internal static class ImportedRun
{
    // Stands for weights that have not been read yet.
    private static readonly string NoneYet = new('0', 64);

    /// <summary>A spec of nothing but an architecture: of weights that say themselves what they are.</summary>
    /// <exception cref="SpecException">With every problem there is.</exception>
    public static RunSpec OfModel(ModelRecipe model, string source, SpecOverrides overrides)
    {
        var spec = new RunSpec
        {
            Name = overrides.Name!,
            // Of data that are named, the sizes are theirs.
            Recipe = new Recipe
            {
                Data = new DataRecipe { FitnessTokens = 0 },
                Model = model,
                Chains = [new ChainRecipe { Imported = [NoneYet] }],
            },
        };
        return SpecReader.FromText(SpecWriter.Yaml(spec), source, overrides);
    }

    /// <summary>A spec with imported models instead of its chains. Nobody teaches them, and all of them are members.</summary>
    /// <exception cref="SpecException">It breaks a rule.</exception>
    public static RunSpec Of(RunSpec spec, IReadOnlyList<ChainRecipe> chains)
    {
        ArgumentNullException.ThrowIfNull(spec);
        var recipe = spec.Recipe with { Chains = chains, Teacher = null, Ensemble = spec.Recipe.Ensemble with { ExcludeFirstStages = 0 } };
        var imported = spec with { Recipe = recipe };
        SpecReader.Check(imported);
        return imported;
    }

    /// <param name="stage">As the spec has it.</param>
    /// <param name="said">What the weights' folder says of how they are passed; null: as the spec's stage.</param>
    public static ChainRecipe Chain(string sha256, StageRecipe stage, PassedModel? said, SelectionRecipe selection)
    {
        ArgumentNullException.ThrowIfNull(stage);
        var patch = new JsonObject();
        if (said is not null)
        {
            Change(patch, "loop", stage.Loop, said.Loop);
            Change(patch, "recurrence", stage.Recurrence, said.Recurrence);
        }

        if (selection.LateCheckpoints != stage.Selection.LateCheckpoints || selection.LateByRecency != stage.Selection.LateByRecency)
        {
            patch["selection"] = new JsonObject
            {
                ["lateCheckpoints"] = selection.LateCheckpoints,
                ["lateByRecency"] = selection.LateByRecency,
            };
        }

        return new ChainRecipe { Imported = [sha256], Stage = patch.Count > 0 ? patch : null };
    }

    /// <summary>How many models the weights hold, and what each counts, by the prefixes of their names.</summary>
    public static SelectionRecipe SelectionOf(IReadOnlyList<TensorData> weights)
    {
        ArgumentNullException.ThrowIfNull(weights);
        var prefixes = weights.Select(tensor => SnapshotModels.PrefixOf(tensor.Name)).Distinct().ToList();
        return new SelectionRecipe
        {
            LateCheckpoints = Math.Max(1, prefixes.Count),
            LateByRecency = SnapshotModels.AreByRecency(prefixes) ? true : null,
        };
    }

    /// <summary>A run's name made of a file's or folder's; null where it cannot be one.</summary>
    public static string? NameOf(string path)
    {
        var stem = Directory.Exists(path)
            ? Path.GetFileName(Path.TrimEndingDirectorySeparator(Path.GetFullPath(path)))
            : Path.GetFileNameWithoutExtension(path);
        var name = string.Concat(stem.ToLowerInvariant().Select(c => char.IsAsciiLetterOrDigit(c) ? c : '-')).Trim('-');
        return RunNames.IsValid(name) ? name : null;
    }

    private static void Change<T>(JsonObject patch, string field, T? before, T? now)
        where T : class
    {
        if (!Equals(before, now))
        {
            patch[field] = now is null ? null : JsonNode.Parse(CanonicalJson.Serialize(now));
        }
    }
}
