using System.Text.Json.Nodes;
using Slowrun.Core.Presets;
using Slowrun.Core.Recipes;

namespace Slowrun.Core.Specs;

/// <summary>
/// Makes a <see cref="RunSpec"/> of YAML or JSON: sections <c>recipe</c> and <c>operations</c>, a <c>name</c>, and <c>extends</c> with a
/// preset's name to start from. Fields not given have the records' defaults. Strict: whatever is not understood is a problem.
/// </summary>
public static class SpecReader
{
    /// <summary>Assignments to operations, separated by semicolons or line ends.</summary>
    public const string EnvironmentVariable = "SLOWRUN_SET";

    private static readonly string[] RootFields = ["extends", "name", "recipe", "operations"];

    /// <exception cref="SpecException">With every problem there is.</exception>
    public static RunSpec FromPreset(string preset, SpecOverrides? overrides = null) => ResolvePreset(preset, overrides).Spec;

    /// <param name="fileName">Shown in messages; its stem is the run's name where nothing else names it.</param>
    /// <exception cref="SpecException">With every problem there is.</exception>
    public static RunSpec FromText(string text, string fileName, SpecOverrides? overrides = null) => ResolveText(text, fileName, overrides).Spec;

    /// <summary>As <see cref="FromPreset"/>, with the preset's comments.</summary>
    public static ResolvedSpec ResolvePreset(string preset, SpecOverrides? overrides = null)
    {
        ArgumentNullException.ThrowIfNull(preset);
        return Resolve(Preset(preset, new SpecMark($"preset {preset}", 0, 0)), preset, overrides);
    }

    /// <summary>As <see cref="FromText"/>, with the comments of the text and of what it extends.</summary>
    public static ResolvedSpec ResolveText(string text, string fileName, SpecOverrides? overrides = null)
    {
        ArgumentNullException.ThrowIfNull(text);
        ArgumentNullException.ThrowIfNull(fileName);
        return Resolve(SpecParser.Parse(text, fileName), Path.GetFileNameWithoutExtension(fileName), overrides);
    }

    private static ResolvedSpec Resolve(SpecNode written, string defaultName, SpecOverrides? overrides)
    {
        overrides ??= new SpecOverrides();
        var (body, header) = SpecNotes.WithoutHeader(written);
        var root = Assigned(Extended(body, []), overrides);
        return new ResolvedSpec(Read(root, defaultName, overrides), new SpecNotes(root, header));
    }

    /// <summary>Applies the rules to a spec that was changed since it was read.</summary>
    /// <exception cref="SpecException">With every rule that it breaks now.</exception>
    public static void Check(RunSpec spec)
    {
        ArgumentNullException.ThrowIfNull(spec);
        var problems = SpecRules.Broken(spec).Distinct().Select(broken => new SpecProblem(spec.Name, 0, 0, broken.Path, broken.Message)).ToList();
        if (problems.Count > 0)
        {
            throw new SpecException(problems);
        }
    }

    private static RunSpec Read(SpecNode root, string defaultName, SpecOverrides overrides)
    {
        var binder = new SpecBinder();
        if (root is not SpecMapping fields)
        {
            throw new SpecException([new SpecProblem(root.Mark.Source, root.Mark.Line, root.Mark.Column, "", "expected a section with 'recipe' and 'operations'.")]);
        }

        binder.RefuseUnknown(fields, RootFields, "", typeof(RunSpec));
        var name = Name(binder, fields, defaultName, overrides);
        var recipe = binder.Bind(fields.Find("recipe")?.Value, typeof(Recipe), "recipe");
        var operations = binder.Bind(fields.Find("operations")?.Value, typeof(Operations), "operations");
        ChainPatches(binder, fields);
        var document = new JsonObject { ["name"] = name, ["recipe"] = recipe, ["operations"] = operations };
        var spec = CanonicalJson.Deserialize<RunSpec>(System.Text.Encoding.UTF8.GetBytes(document.ToJsonString(CanonicalJson.Options)), defaultName);
        foreach (var (path, message) in SpecRules.Broken(spec).Distinct())
        {
            binder.AddRule(SpecPath.TryParse(path)!.MarkIn(root), path, message);
        }

        binder.ThrowIfAny();
        return spec;
    }

    private static SpecNode Assigned(SpecNode root, SpecOverrides overrides)
    {
        var problems = new List<SpecProblem>();
        foreach (var assignment in overrides.Environment.Where(assignment => SpecPath.Of(assignment)?.IsOperation != true))
        {
            problems.Add(new SpecProblem(
                $"{EnvironmentVariable} {assignment}", 0, 0, "", "only operations.… can be set by the environment; a recipe's values stand in the spec or in --set, where they are seen."));
        }

        foreach (var (assignment, from) in overrides.Environment.Select(text => (text, EnvironmentVariable))
            .Concat(overrides.Set.Select(text => (text, overrides.SetFrom))))
        {
            try
            {
                root = SpecOverlay.Set(root, assignment, from);
            }
            catch (SpecException e)
            {
                problems.AddRange(e.Problems);
            }
        }

        return problems.Count == 0 ? root : throw new SpecException(problems);
    }

    private static string Name(SpecBinder binder, SpecMapping fields, string defaultName, SpecOverrides overrides)
    {
        var entry = fields.Find("name");
        var written = (entry?.Value as SpecScalar)?.Text;
        var (name, mark) = overrides.Name is { } given ? (given, new SpecMark($"--name {given}", 0, 0))
            : entry is not null ? (written ?? "", entry.KeyMark)
            : (defaultName, new SpecMark(fields.Mark.Source, 0, 0));
        if (!RunNames.IsValid(name))
        {
            binder.Add(mark, "name", $"'{name}' cannot name a run; {RunNames.Expected}. Give another with --name.");
        }

        return name;
    }

    /// <summary>A chain's patch may be complete only together with the stage it patches: a loop's end from one, its start from the other.</summary>
    private static void ChainPatches(SpecBinder binder, SpecMapping fields)
    {
        if (fields.Find("recipe")?.Value is not SpecMapping recipe
            || recipe.Find("chains")?.Value is not SpecSequence chains)
        {
            return;
        }

        var stage = recipe.Find("stage")?.Value ?? new SpecMapping(recipe.Mark, []);
        for (var c = 0; c < chains.Items.Count; c++)
        {
            var patched = stage;
            foreach (var field in (string[])["stage", "firstStage"])
            {
                if ((chains.Items[c] as SpecMapping)?.Find(field)?.Value is SpecMapping patch)
                {
                    patched = SpecOverlay.Over(patched, patch);
                    binder.BindAgain(patched, typeof(StageRecipe), $"recipe.chains[{c}].{field}");
                }
            }
        }
    }

    private static SpecNode Extended(SpecNode root, IReadOnlyList<string> seen)
    {
        if ((root as SpecMapping)?.Find("extends") is not { } extends)
        {
            return root;
        }

        var name = (extends.Value as SpecScalar)?.Text ?? "";
        return seen.Contains(name)
            ? throw new InvalidDataException($"Preset '{name}' extends itself by way of {string.Join(", ", seen)}.")
            : SpecOverlay.Over(Extended(SpecNotes.WithoutHeader(Preset(name, extends.KeyMark)).Root, [.. seen, name]), root);
    }

    private static SpecNode Preset(string name, SpecMark mark)
    {
        if (PresetFiles.TryRead(name) is { } text)
        {
            return SpecParser.Parse(text, $"preset {name}");
        }

        var message = $"there is no preset '{SpecProblem.Shortened(name)}'; there are {string.Join(", ", PresetFiles.Names)}.{Nearest.Hint(name, PresetFiles.Names)}";
        throw new SpecException([new SpecProblem(mark.Source, mark.Line, mark.Column, "extends", message)]);
    }
}
