using System.CommandLine;
using System.Globalization;
using Slowrun.Client.Cli;
using Slowrun.Client.Display;
using Slowrun.Core;
using Slowrun.Core.Plan;
using Slowrun.Core.Presets;
using Slowrun.Core.Specs;
using Spectre.Console;

namespace Slowrun.Client.Commands;

/// <summary><c>spec list|show|validate</c>: what goes in, before anything is started.</summary>
internal static class SpecCommand
{
    public static Command Create(ClientContext context) =>
        new("spec", "Looks at specs and presets.") { List(context), Show(context), Validate(context) };

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
        return command;
    }

    private static Command Show(ClientContext context)
    {
        var options = new SpecOptions();
        var output = CommonOptions.Output();
        var source = new Option<bool>("--source") { Description = "A preset as it was written, with its comments." };
        var command = new Command("show", "Prints a spec with every field resolved, as YAML that 'run' reads.") { output, source };
        options.AddTo(command);
        command.SetAction(async (parsed, _) =>
        {
            if (parsed.GetValue(source) && PresetFiles.TryRead(parsed.GetRequiredValue(options.Spec)) is { } text)
            {
                await context.Output.WriteAsync(text);
                return ExitCode.Done;
            }

            var spec = options.Read(parsed);
            await context.Output.WriteLineAsync(parsed.GetValue(output) == OutputFormat.Json ? Json.Text(spec) : SpecWriter.Yaml(spec).TrimEnd());
            return ExitCode.Done;
        });
        return command.WithExamples("slowrun spec show demo", "slowrun spec show demo --source", "slowrun spec show tiny --set model.layers=6 > mine.yaml");
    }

    private static Command Validate(ClientContext context)
    {
        var options = new SpecOptions();
        var command = new Command("validate", "Checks a spec, and reports every problem at once.");
        options.AddTo(command);
        command.SetAction(async (parsed, _) =>
        {
            var spec = options.Read(parsed);
            var plan = new RunPlan(spec.Recipe);
            var steps = plan.Stages.Sum(stage => (long)StageSteps.Of(stage, spec.Recipe.Data.TrainTokens));
            await context.Output.WriteLineAsync(string.Create(
                CultureInfo.InvariantCulture,
                $"'{spec.Name}' is valid: {spec.Recipe.Chains.Count} chains, {plan.Stages.Count} stages, {steps:#,0} optimizer steps; recipe {CanonicalJson.Sha256(spec.Recipe)[..16]} (before its data is known)."));
            return ExitCode.Done;
        });
        return command.WithExamples("slowrun spec validate mine.yaml", "slowrun spec validate demo --set stage.epochs=20");
    }
}
