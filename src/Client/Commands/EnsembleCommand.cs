using System.CommandLine;
using Slowrun.Client.Cli;
using Slowrun.Client.Display;
using Slowrun.Client.Results;
using Slowrun.Reading.Runs;

namespace Slowrun.Client.Commands;

/// <summary><c>ensemble RUN</c>: the loss of a mixture of a run's members, all or some, from their stored probabilities.</summary>
internal static class EnsembleCommand
{
    public static Command Create(ClientContext context, CommonOptions common)
    {
        var run = CommonOptions.Run();
        var mixture = new MixtureOptions();
        var output = CommonOptions.Output();
        var command = new Command(
            "ensemble",
            "Mixes members' stored predictions: the run's ensemble, or one of your choice. No model runs, and no silo is needed."
        )
        {
            run,
        };
        mixture.AddTo(command);
        command.Options.Add(output);
        command.SetAction(
            async (parsed, stop) =>
            {
                var store = await context.OpenStoreAsync(parsed.GetRequiredValue(common.Store), create: false, stop);
                var reader = new RunReader(store, context.Time);
                var facts = await reader.FactsAsync(await reader.Naming.ResolveAsync(parsed.GetRequiredValue(run), stop), stop);
                var request = mixture.Read(parsed, facts);
                var chosen = await new MixtureChooser(context, store, facts).ChooseAsync(request, stop);
                var report = await new MixtureJudge(context, store, facts).JudgeAsync(request, chosen, stop);
                if (parsed.GetValue(output) == OutputFormat.Json)
                {
                    await context.Output.WriteLineAsync(Json.Text(report));
                }
                else
                {
                    context.Console.Print(EnsembleTable.Of(report));
                }

                return ExitCode.Done;
            }
        );
        return command.WithExamples(
            "slowrun ensemble demo",
            "slowrun ensemble demo --members chain0/stage1,chain1/stage2",
            "slowrun ensemble demo --select 8 -o json | jq .lossNats"
        );
    }
}
