using System.CommandLine;
using Slowrun.Client.Cli;
using Slowrun.Client.Display;
using Slowrun.Client.Runs;
using Slowrun.Core.Plan;
using Slowrun.Core.Status;

namespace Slowrun.Client.Commands;

/// <summary><c>run SPEC</c>: submit, serve on this machine, watch to the end.</summary>
internal static class RunCommand
{
    public static Command Create(ClientContext context, CommonOptions common)
    {
        var options = new SpecOptions(context);
        var data = new DataOptions();
        var notify = new NotifyOption();
        var silos = SilosOption();
        var command = new Command("run", "Carries a spec out on this machine, to the end. After any interruption the same command goes on.")
        {
            silos,
        };
        options.AddTo(command);
        data.AddTo(command);
        notify.AddTo(command);
        command.SetAction(
            async (parsed, stop) =>
            {
                var spec = notify.Added(parsed, options.Read(parsed));
                var given = data.Read(parsed, options.Overrides(parsed).Set);
                var store = await context.OpenStoreAsync(parsed.GetRequiredValue(common.Store), create: true, stop);
                var session = new RunSession(context, store) { Silos = parsed.GetValue(silos) };
                var (status, facts) = await session.RunAsync(spec, given, stop);
                return await EndAsync(context, status, facts);
            }
        );
        return command.WithExamples(
            "slowrun run tiny",
            "slowrun run mine.yaml --name second --set recipe.seed=7",
            "slowrun run demo --text book.txt --silos 2"
        );
    }

    /// <summary>How many silos a command that trains here starts.</summary>
    public static Option<int> SilosOption()
    {
        var silos = new Option<int>("--silos")
        {
            Description = "Silo processes to start, which share the cores; none if one serves the store already.",
            DefaultValueFactory = _ => 1,
        };
        silos.Validators.Add(result =>
        {
            if (result.GetValueOrDefault<int>() is < 1 or > 64)
            {
                result.AddError("--silos: expected 1 to 64.");
            }
        });
        return silos;
    }

    /// <summary>Prints a run's result, and returns its exit code.</summary>
    public static async Task<int> EndAsync(ClientContext context, RunStatus status, Core.Plan.RunFacts facts)
    {
        if (status.State == RunState.Succeeded)
        {
            context.Console.Print(ResultTable.Of(status, facts.Plan));
            return ExitCode.Done;
        }

        context.Console.Print(StatusScreen.Of(new StatusView(status, context.Time.GetUtcNow()) { Width = context.Console.Profile.Width }));
        await context.Error.WriteLineAsync($"slowrun: {Ending(status, facts)}");
        return ExitCode.Failed;
    }

    /// <summary>What to do about a run that has ended without success.</summary>
    internal static string Ending(RunStatus status, Core.Plan.RunFacts facts)
    {
        if (status.State == RunState.Cancelled)
        {
            return $"run '{status.Name}' was cancelled. 'slowrun resume {status.Name}' takes it up again.";
        }

        var failures = facts.Plan.Stages.Select(stage => facts.FailureOf(stage.Id)).OfType<Core.Stages.StageFailure>().ToList();
        return failures.Count > 0 && failures.All(failure => failure.Repeats)
            ? $"run '{status.Name}' has failed, and would fail again in the same way: submit another recipe, or other data, under another name."
            : $"run '{status.Name}' has failed. 'slowrun retry {status.Name}' lets its failed stages try again.";
    }
}
