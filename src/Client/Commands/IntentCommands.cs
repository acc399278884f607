using System.CommandLine;
using Slowrun.Client.Cli;
using Slowrun.Core.Plan;
using Slowrun.Core.Stages;
using Slowrun.Reading.Live;
using Slowrun.Storage.Runs;

namespace Slowrun.Client.Commands;

/// <summary>
/// <c>pause</c>, <c>resume</c>, <c>cancel</c>, <c>retry</c>: replace the run's intent. The document counts; silos are notified too, so that
/// they act at once.
/// </summary>
internal static class IntentCommands
{
    public static Command Pause(ClientContext context, CommonOptions common) =>
        Create(
            context,
            common,
            "pause",
            "Stops a run or a stage at its next micro-batch, until it is resumed; its last step is kept.",
            UserOrders.Pause,
            target => $"'{target}' is paused. 'slowrun resume {target}' lets it go on.",
            "slowrun pause demo",
            "slowrun pause demo/chain0/stage1",
            "slowrun pause demo/chain1"
        );

    public static Command Resume(ClientContext context, CommonOptions common) =>
        Create(
            context,
            common,
            "resume",
            "Lets a paused or cancelled run or stage go on.",
            UserOrders.Resume,
            target => $"'{target}' goes on as soon as a slot is free.",
            "slowrun resume demo"
        );

    public static Command Cancel(ClientContext context, CommonOptions common) =>
        Create(
            context,
            common,
            "cancel",
            "Ends a run or a stage; what it has committed is kept.",
            UserOrders.Cancel,
            target => $"'{target}' is cancelled. What it committed is kept; 'slowrun resume {target}' takes it up again.",
            "slowrun cancel demo",
            "slowrun cancel demo/chain1"
        );

    public static Command Retry(ClientContext context, CommonOptions common)
    {
        var target = CommonOptions.Target(chains: true);
        var adopt = new Option<bool>("--adopt-device")
        {
            Description =
                "Lets stages that wait for a machine with their arithmetic go on with another machine's: their bytes then depend on the step at which they changed.",
        };
        var command = new Command("retry", "Lets failed stages try again from their last checkpoint.") { target, adopt };
        command.SetAction(
            (parsed, stop) =>
                parsed.GetValue(adopt)
                    ? ChangeAsync(
                        context,
                        common,
                        parsed,
                        target,
                        UserOrders.Adopt,
                        whom =>
                            $"Unfinished stages of '{whom}' may go on with any machine's arithmetic now; its events will say where it did.",
                        stop
                    )
                    : ChangeAsync(
                        context,
                        common,
                        parsed,
                        target,
                        UserOrders.Retry,
                        whom => $"What failed of '{whom}' tries again as soon as a slot is free.",
                        stop
                    )
        );
        return command.WithExamples("slowrun retry demo", "slowrun retry demo/chain0", "slowrun retry demo/chain0/stage1 --adopt-device");
    }

    private static Command Create(
        ClientContext context,
        CommonOptions common,
        string name,
        string description,
        Func<RunFacts, RunPart, Func<RunIntent, RunIntent>> change,
        Func<Target, string> done,
        params string[] examples
    )
    {
        var target = CommonOptions.Target(chains: true);
        var command = new Command(name, description) { target };
        command.SetAction((parsed, stop) => ChangeAsync(context, common, parsed, target, change, done, stop));
        return command.WithExamples(examples);
    }

    private static async Task<int> ChangeAsync(
        ClientContext context,
        CommonOptions common,
        ParseResult parsed,
        Argument<string> target,
        Func<RunFacts, RunPart, Func<RunIntent, RunIntent>> change,
        Func<Target, string> done,
        CancellationToken stop
    )
    {
        var named = await NamedRun.OpenAsync(context, common, parsed, target, stop, chains: true);
        var (store, whom, reader) = named;
        var facts = await named.FactsAsync(stop);
        await new RunDocuments(store, whom.Run).ChangeIntentAsync(change(facts, whom.Part), stop);
        await context.Output.WriteLineAsync(done(whom));
        await using var statuses = new StatusReader(reader);
        await statuses.PokeAsync(whom.Run, stop);
        return ExitCode.Done;
    }
}
