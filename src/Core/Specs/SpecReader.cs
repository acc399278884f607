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

    /// <summary>What a spec may have at most.</summary>
    public const int LongestCharacters = SpecParser.LongestCharacters;

    private const string ExtendsField = "extends";

    private static readonly string[] RootFields = [ExtendsField, "name", "recipe", "operations"];

    /// <exception cref="SpecException">With every problem there is.</exception>
    public static RunSpec FromPreset(string preset, SpecOverrides? overrides = null) => ResolvePreset(preset, overrides).Spec;

    /// <param name="fileName">Shown in messages; its stem is the run's name where nothing else names it.</param>
    /// <exception cref="SpecException">With every problem there is.</exception>
    public static RunSpec FromText(string text, string fileName, SpecOverrides? overrides = null) =>
        ResolveText(text, fileName, overrides).Spec;

    /// <summary>As <see cref="FromText"/>, of a text that is no file: the run's name stands in it or in the overrides.</summary>
    /// <param name="source">Shown in messages.</param>
    /// <exception cref="SpecException">With every problem there is.</exception>
    public static RunSpec FromUnnamedText(string text, string source, SpecOverrides? overrides = null)
    {
        ArgumentNullException.ThrowIfNull(text);
        ArgumentNullException.ThrowIfNull(source);
        return Resolve(Written(text, source), "", overrides).Spec;
    }

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
        return Resolve(Written(text, fileName), Path.GetFileNameWithoutExtension(fileName), overrides);
    }

    private static SpecNode Written(string text, string source)
    {
        var written = SpecParser.Parse(text, source);
        if (written is SpecMapping { Entries.Count: 0 } or SpecScalar { IsNull: true })
        {
            throw new SpecException(
                [
                    new SpecProblem(
                        source,
                        0,
                        0,
                        "",
                        $"there is nothing in it; expected for example 'extends: {PresetFiles.Names[0]}' and what is different, or a section 'recipe'."
                    ),
                ]
            );
        }

        return written;
    }

    private static ResolvedSpec Resolve(SpecNode written, string defaultName, SpecOverrides? overrides)
    {
        overrides ??= new SpecOverrides();
        var (body, header) = SpecNotes.WithoutHeader(written);
        var problems = new List<SpecProblem>();
        var root = Assigned(Extended(body, [], problems), overrides, problems);
        return new ResolvedSpec(Read(root, defaultName, written.Mark.Source, overrides, problems), new SpecNotes(root, header));
    }

    /// <summary>Applies the rules to a spec that was changed since it was read.</summary>
    /// <exception cref="SpecException">With every rule that it breaks now.</exception>
    public static void Check(RunSpec spec)
    {
        ArgumentNullException.ThrowIfNull(spec);
        var problems = SpecRules
            .Broken(spec)
            .Distinct()
            .Select(broken => new SpecProblem(spec.Name, 0, 0, broken.Path, broken.Message))
            .ToList();
        if (problems.Count > 0)
        {
            throw new SpecException(problems);
        }
    }

    /// <param name="source">What names the run where nothing else does.</param>
    /// <param name="found">Problems found so far: they must not hide the others.</param>
    private static RunSpec Read(SpecNode root, string defaultName, string source, SpecOverrides overrides, IReadOnlyList<SpecProblem> found)
    {
        var binder = new SpecBinder();
        foreach (var problem in found)
        {
            binder.Add(new SpecMark(problem.Source, problem.Line, problem.Column), problem.Path, problem.Message);
        }

        if (root is not SpecMapping fields)
        {
            throw new SpecException(
                [
                    .. found,
                    new SpecProblem(
                        root.Mark.Source,
                        root.Mark.Line,
                        root.Mark.Column,
                        "",
                        "expected a section with 'recipe' and 'operations'."
                    ),
                ]
            );
        }

        binder.RefuseUnknown(fields, RootFields, "", typeof(RunSpec));
        var name = Name(binder, fields, defaultName, source, overrides);
        var recipe = binder.Bind(fields.Find("recipe")?.Value, typeof(Recipe), "recipe");
        var operations = binder.Bind(fields.Find("operations")?.Value, typeof(Operations), "operations");
        ChainPatches(binder, fields);
        var document = new JsonObject
        {
            ["name"] = name,
            ["recipe"] = recipe,
            ["operations"] = operations,
        };
        var spec = CanonicalJson.DeserializeStrictly<RunSpec>(
            System.Text.Encoding.UTF8.GetBytes(document.ToJsonString(CanonicalJson.StrictOptions)),
            defaultName
        );
        // Of a spec whose preset is unknown, what is missing is no rule broken.
        foreach (var (path, message) in found.Any(problem => problem.Path == ExtendsField) ? [] : SpecRules.Broken(spec).Distinct())
        {
            binder.AddRule(SpecPath.TryParse(path)!.MarkIn(root), path, message);
        }

        binder.ThrowIfAny();
        return spec;
    }

    private static SpecNode Assigned(SpecNode root, SpecOverrides overrides, List<SpecProblem> problems)
    {
        foreach (var assignment in overrides.Environment.Where(assignment => SpecPath.Of(assignment)?.IsOperation != true))
        {
            problems.Add(
                new SpecProblem(
                    $"{EnvironmentVariable} {assignment}",
                    0,
                    0,
                    "",
                    "only operations.… can be set by the environment; a recipe's values stand in the spec or in --set, where they are seen."
                )
            );
        }

        foreach (
            var (assignment, from) in overrides
                .Environment.Select(text => (text, EnvironmentVariable))
                .Concat(overrides.Set.Select(text => (text, overrides.SetFrom)))
        )
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

        return root;
    }

    private static string Name(SpecBinder binder, SpecMapping fields, string defaultName, string source, SpecOverrides overrides)
    {
        var entry = fields.Find("name");
        var written = (entry?.Value as SpecScalar)?.Text;
        var (name, mark) =
            overrides.Name is { } given ? (given, new SpecMark($"{overrides.NameFrom} {given}", 0, 0))
            : entry is not null ? (written ?? "", entry.KeyMark)
            : (defaultName, new SpecMark(source, 0, 0));
        if (!RunNames.IsValid(name))
        {
            var ofFile = overrides.Name is null && entry is null;
            binder.Add(
                mark,
                "name",
                ofFile && defaultName.Length == 0
                        ? $"nothing names the run; {RunNames.Expected}. Give a name with {overrides.NameFrom}, or in the spec with 'name:'."
                    : ofFile
                        ? $"the file's name '{name}' cannot name a run; {RunNames.Expected}. Give another with {overrides.NameFrom}, or in the file with 'name:'."
                    : $"'{SpecProblem.Shortened(name)}' cannot name a run; {RunNames.Expected}. Give another with {overrides.NameFrom}."
            );
        }

        return name;
    }

    /// <summary>A chain's patch may be complete only together with the stage it patches: a loop's end from one, its start from the
    /// other.</summary>
    private static void ChainPatches(SpecBinder binder, SpecMapping fields)
    {
        if (fields.Find("recipe")?.Value is not SpecMapping recipe || recipe.Find("chains")?.Value is not SpecSequence chains)
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

    /// <param name="problems">An unknown preset is added: the rest of the spec is read all the same.</param>
    private static SpecNode Extended(SpecNode root, IReadOnlyList<string> seen, List<SpecProblem> problems)
    {
        if ((root as SpecMapping)?.Find(ExtendsField) is not { } extends)
        {
            return root;
        }

        if (extends.Value is not SpecScalar { Text: { Length: > 0 } name })
        {
            var (mark, found) = (
                extends.KeyMark,
                extends.Value switch
                {
                    SpecSequence => "a list",
                    SpecMapping => "a section",
                    _ => "nothing",
                }
            );
            var message = $"found {found}, expected the name of one preset: {string.Join(", ", PresetFiles.Names)}.";
            problems.Add(new SpecProblem(mark.Source, mark.Line, mark.Column, ExtendsField, message));
            return root;
        }

        if (seen.Contains(name))
        {
            throw new InvalidDataException($"Preset '{name}' extends itself by way of {string.Join(", ", seen)}.");
        }

        try
        {
            return SpecOverlay.Over(Extended(SpecNotes.WithoutHeader(Preset(name, extends.KeyMark)).Root, [.. seen, name], problems), root);
        }
        catch (SpecException e)
        {
            problems.AddRange(e.Problems);
            return root;
        }
    }

    private static SpecNode Preset(string name, SpecMark mark)
    {
        if (PresetFiles.TryRead(name) is { } text)
        {
            return SpecParser.Parse(text, $"preset {name}");
        }

        var message =
            $"there is no preset '{SpecProblem.Shortened(name)}'; there are {string.Join(", ", PresetFiles.Names)}.{Nearest.Hint(name, PresetFiles.Names)}";
        throw new SpecException([new SpecProblem(mark.Source, mark.Line, mark.Column, ExtendsField, message)]);
    }
}
