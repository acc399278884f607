using System.CommandLine;
using Slowrun.Client.Cli;
using Slowrun.Client.Display;
using Slowrun.Client.Runs;
using Slowrun.Core.Plan;
using Slowrun.Reading.Runs;

namespace Slowrun.Client.Commands;

/// <summary><c>distill RUN --into SPEC</c>: one more run, of one stage, that learns a single model from a finished run's whole
/// ensemble.</summary>
internal static class DistillCommand
{
    public static Command Create(ClientContext context, CommonOptions common)
    {
        var teacher = new Argument<string>("RUN") { Description = "A run that has succeeded: its ensemble teaches." };
        var into = new Option<string>("--into")
        {
            Description =
                "The student: a preset's name or a file. Its model and stage count; its chains and, unless --text or --data are given, its data do not.",
            HelpName = "SPEC",
            Required = true,
        };
        var options = new SpecOptions(context, "The distilled run's name; default: RUN-distilled.");
        var data = new DataOptions();
        var silos = RunCommand.SilosOption();
        var baseline = new Option<bool>("--baseline") { Description = "Also trains the same model without a teacher, for comparison." };
        var submitOnly = new Option<bool>("--submit-only")
        {
            Description = "Only makes the run, for silos of the store to train; starts none.",
        };
        var command = new Command(
            "distill",
            "Distils the whole ensemble of a finished run into a single model. After any interruption the same command goes on."
        )
        {
            teacher,
            into,
            baseline,
            submitOnly,
            silos,
        };
        options.AddOverridesTo(command);
        data.AddTo(command);
        command.SetAction(
            async (parsed, stop) =>
            {
                var named = parsed.GetRequiredValue(teacher);
                var overrides = options.Overrides(parsed);
                var spec = SpecSource.Read(parsed.GetRequiredValue(into), overrides with { Name = overrides.Name ?? $"{named}-distilled" });
                var store = await context.OpenStoreAsync(parsed.GetRequiredValue(common.Store), create: false, stop);
                var given = data.Read(parsed, overrides.Set);
                var reader = new RunReader(store, context.Time);
                var run = await reader.Naming.ResolveAsync(named, stop);
                var (student, facts) = await new Distillation(store, reader).SpecAsync(
                    run,
                    spec,
                    overrides.Set,
                    given,
                    parsed.GetValue(baseline),
                    stop
                );
                await context.Output.WriteLineAsync(DistilledText.Plan(student, facts));
                if (parsed.GetValue(submitOnly))
                {
                    return await SubmitCommand.SubmitAsync(context, store, student, given, stop);
                }

                var (status, learnt) = await new RunSession(context, store) { Silos = parsed.GetValue(silos) }.RunAsync(
                    student,
                    given,
                    stop
                );
                if (status.State != RunState.Succeeded)
                {
                    return await RunCommand.EndAsync(context, status, learnt);
                }

                foreach (var line in DistilledText.Result(status, learnt, facts))
                {
                    await context.Output.WriteLineAsync(line);
                }

                return ExitCode.Done;
            }
        );
        return command.WithExamples(
            "slowrun distill demo --into demo",
            "slowrun distill demo --into small.yaml --name deploy --set stage.epochs=30 --baseline",
            "slowrun distill demo --into demo --submit-only --store azblob://account/container"
        );
    }
}
