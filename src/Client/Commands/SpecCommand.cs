using System.CommandLine;
using System.Globalization;
using Slowrun.Client.Cli;
using Slowrun.Client.Display;
using Slowrun.Client.Runs;
using Slowrun.Core;
using Slowrun.Core.Plan;
using Slowrun.Core.Presets;
using Slowrun.Core.Specs;
using Spectre.Console;

namespace Slowrun.Client.Commands;

/// <summary><c>spec list|show|validate|diff|schema</c>, and <see cref="SpecExplainCommand"/>: shows and checks specs, before anything is
/// started.</summary>
internal static class SpecCommand
{
    public static Command Create(ClientContext context, CommonOptions common) =>
        new Command("spec", "Shows and checks specs and presets.")
        {
            List(context),
            Show(context, common),
            Validate(context),
            Diff(context, common),
            Schema(context),
            SpecExplainCommand.Create(context, common),
        }.WithExamples("slowrun spec list", "slowrun spec show demo", "slowrun spec validate mine.yaml");

    private static Command List(ClientContext context)
    {
        var command = new Command("list", "Lists the presets.");
        command.SetAction(_ =>
        {
            var table = new Table().Border(TableBorder.None).AddColumns("PRESET", "WHAT IT IS FOR");
            foreach (var name in PresetFiles.Names)
            {
                table.AddRow(name, Markup.Escape(PresetFiles.Summary(name)));
            }

            context.Console.Print(table);
        });
        return command.WithExamples("slowrun spec list");
    }

    private static Command Show(ClientContext context, CommonOptions common)
    {
        var options = new SpecOptions(context);
        var output = CommonOptions.Output();
        var source = new Option<bool>("--source") { Description = "A preset as it was written, with its comments." };
        var command = new Command(
            "show",
            "Prints a spec with every field resolved, as YAML that 'run' reads, each value with its comment and where it comes from."
        )
        {
            output,
            source,
        };
        options.AddTo(command);
        command.SetAction(
            async (parsed, stop) =>
            {
                if (parsed.GetValue(source) && PresetFiles.TryRead(parsed.GetRequiredValue(options.Spec)) is { } text)
                {
                    await context.Output.WriteAsync(text);
                    return ExitCode.Done;
                }

                var resolved = await new SpecOrRun(context, common).ReadAsync(
                    parsed,
                    parsed.GetRequiredValue(options.Spec),
                    options.Overrides(parsed),
                    stop
                );
                await context.Output.WriteLineAsync(
                    parsed.GetValue(output) == OutputFormat.Json ? Json.Text(resolved.Spec) : SpecWriter.Yaml(resolved).TrimEnd()
                );
                return ExitCode.Done;
            }
        );
        return command.WithExamples(
            "slowrun spec show demo",
            "slowrun spec show run:demo",
            "slowrun spec show tiny --set model.layers=6 > mine.yaml"
        );
    }

    private static Command Schema(ClientContext context)
    {
        var command = new Command("schema", "Prints the JSON Schema of spec files, for editors and checkers.");
        command.SetAction(
            async (_, stop) =>
            {
                // The build puts the records' documentation beside the program.
                var path = Path.Combine(AppContext.BaseDirectory, "Slowrun.Core.xml");
                var descriptions = File.Exists(path)
                    ? SpecDescriptions.Parse(await File.ReadAllTextAsync(path, stop))
                    : SpecDescriptions.None;
                await context.Output.WriteLineAsync(Json.Text(SpecSchema.Of(descriptions)));
                return ExitCode.Done;
            }
        );
        return command.WithExamples("slowrun spec schema > slowrun.schema.json");
    }

    private static Command Diff(ClientContext context, CommonOptions common)
    {
        var (a, b) = (
            new Argument<string>("A") { Description = SpecOrRun.Description },
            new Argument<string>("B") { Description = "Likewise." }
        );
        var output = CommonOptions.Output();
        var command = new Command("diff", "Shows where two specs differ, recipe and operations apart; exits with 1 if they do.")
        {
            a,
            b,
            output,
        };
        command.SetAction(
            async (parsed, stop) =>
            {
                var source = new SpecOrRun(context, common);
                var there = (await source.ReadAsync(parsed, parsed.GetRequiredValue(a), new SpecOverrides(), stop)).Spec;
                var here = (await source.ReadAsync(parsed, parsed.GetRequiredValue(b), new SpecOverrides(), stop)).Spec;
                // A run's data has its hash, which a spec gets at submission: that alone makes no other recipe.
                var recipe = SpecDifferences
                    .Between(there.Recipe, here.Recipe, "recipe")
                    .Where(difference =>
                        difference is not { Path: "recipe.data.sha256", There: null } and not { Path: "recipe.data.sha256", Here: null }
                    )
                    .ToList();
                var operations = SpecDifferences.Between(there.Operations, here.Operations, "operations");
                var equal = recipe.Count + operations.Count == 0;
                await context.Output.WriteLineAsync(
                    parsed.GetValue(output) == OutputFormat.Json
                        ? Json.Text(
                            new
                            {
                                equal,
                                recipe,
                                operations,
                            }
                        )
                    : equal ? "They have the same recipe and operations."
                    : string.Join(
                        '\n',
                        [.. Lines("recipe (changes the final bytes)", recipe), .. Lines("operations (change no byte)", operations)]
                    )
                );
                return equal ? ExitCode.Done : ExitCode.Failed;
            }
        );
        return command.WithExamples("slowrun spec diff slowrun-10x mine.yaml", "slowrun spec diff demo run:demo -o json");

        static IEnumerable<string> Lines(string title, IReadOnlyCollection<SpecDifference> differences) =>
            differences.Count == 0
                ? []
                :
                [
                    $"{title}:",
                    .. differences.Select(difference =>
                        $"  {difference.Path}: {SpecDifference.Text(difference.There)} → {SpecDifference.Text(difference.Here)}"
                    ),
                ];
    }

    private static Command Validate(ClientContext context)
    {
        var options = new SpecOptions(context);
        var command = new Command("validate", "Checks a spec, and reports every problem at once.");
        options.AddTo(command);
        command.SetAction(
            async (parsed, _) =>
            {
                var spec = options.Read(parsed);
                var plan = new RunPlan(spec.Recipe);
                var steps = plan.Stages.Sum(stage => (long)StageSteps.Of(stage, spec.Recipe.Data.TrainTokens));
                await context.Output.WriteLineAsync(
                    string.Create(
                        CultureInfo.InvariantCulture,
                        $"'{spec.Name}' is valid: {Human.Plural(spec.Recipe.Chains.Count, "chain")}, {Human.Plural(plan.Stages.Count, "stage")}, {Human.Plural(steps, "optimizer step")}; recipe {CanonicalJson.Sha256(spec.Recipe)[..16]} (before its data is known)."
                    )
                );
                return ExitCode.Done;
            }
        );
        return command.WithExamples("slowrun spec validate mine.yaml", "slowrun spec validate demo --set stage.epochs=20");
    }
}
