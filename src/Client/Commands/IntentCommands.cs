using System.CommandLine;
using Slowrun.Client.Cli;
using Slowrun.Client.Runs;
using Slowrun.Core.Plan;
using Slowrun.Core.Stages;
using Slowrun.Core.Status;
using Slowrun.Storage.Runs;

namespace Slowrun.Client.Commands;

/// <summary>
/// <c>pause</c>, <c>resume</c>, <c>cancel</c>, <c>retry</c>: replace the run's intent. The document is what counts; silos are told as well,
/// so that they need not find out.
/// </summary>
internal static class IntentCommands
{
    public static Command Pause(ClientContext context, CommonOptions common) => Create(
        context, common, "pause", "Lets a run or a stage stop at its next micro-batch, and stay so; its last step is kept.",
        (facts, target) => Ended(facts, target) ?? Wish(DesiredState.Paused, target),
        target => $"'{target}' is paused. 'slowrun resume {target}' lets it go on.",
        "slowrun pause demo", "slowrun pause demo/chain0/stage1");

    public static Command Resume(ClientContext context, CommonOptions common) => Create(
        context, common, "resume", "Lets a paused or cancelled run or stage go on.",
        (facts, target) => Ended(facts, target) ?? Wish(DesiredState.Running, target),
        target => $"'{target}' goes on as soon as a slot is free.",
        "slowrun resume demo");

    public static Command Cancel(ClientContext context, CommonOptions common) => Create(
        context, common, "cancel", "Ends a run or a stage; what it has committed is kept.",
        (facts, target) => Ended(facts, target) ?? Wish(DesiredState.Cancelled, target),
        target => $"'{target}' is cancelled. What it committed is kept; 'slowrun resume {target}' takes it up again.",
        "slowrun cancel demo", "slowrun cancel demo/chain1/stage0");

    public static Command Retry(ClientContext context, CommonOptions common) => Create(
        context, common, "retry", "Lets failed stages try again from their last checkpoint.",
        RetryFailed,
        target => $"What failed of '{target}' tries again as soon as a slot is free.",
        "slowrun retry demo", "slowrun retry demo/chain0/stage1");

    private static Command Create(
        ClientContext context, CommonOptions common, string name, string description,
        Func<RunFacts, Target, Func<RunIntent, RunIntent>> change, Func<Target, string> done, params string[] examples)
    {
        var target = CommonOptions.Target();
        var command = new Command(name, description) { target };
        command.SetAction(async (parsed, stop) =>
        {
            var store = await context.OpenStoreAsync(parsed.GetRequiredValue(common.Store), create: false, stop);
            var reader = new RunReader(store, context.Time);
            var whom = Target.Parse(parsed.GetRequiredValue(target));
            var facts = await reader.FactsAsync(whom.Run, stop);
            RunReader.CheckStage(facts, whom);
            await new RunDocuments(store, whom.Run).ChangeIntentAsync(change(facts, whom), stop);
            await context.Output.WriteLineAsync(done(whom));
            await using var statuses = new StatusReader(reader);
            await statuses.PokeAsync(whom.Run, stop);
            return ExitCode.Done;
        });
        return command.WithExamples(examples);
    }

    private static Func<RunIntent, RunIntent> Wish(DesiredState wish, Target target) => intent => target.Stage is { } stage
        ? intent with { Stages = new Dictionary<string, DesiredState>(intent.Stages) { [stage.ToString()] = wish } }
        // A wish for the whole run is for every stage of it, whatever was wished for single ones before.
        : intent with { Run = wish, Stages = new Dictionary<string, DesiredState>() };

    /// <exception cref="CliException">There is nothing left that the user could want otherwise.</exception>
    private static Func<RunIntent, RunIntent>? Ended(RunFacts facts, Target target) =>
        Readiness.StateOf(facts) == RunState.Succeeded
        || (target.Stage is { } stage && Readiness.StateOf(facts, stage) == StageState.Done)
            ? throw new CliException(ExitCode.Failed, $"'{target}' has ended already; there is nothing to change. 'slowrun status {target.Run}' shows it.")
            : null;

    private static Func<RunIntent, RunIntent> RetryFailed(RunFacts facts, Target target)
    {
        var failed = facts.Plan.Stages.Select(stage => stage.Id)
            .Where(id => (target.Stage is null || target.Stage == id) && facts.FailureOf(id) is not null)
            .ToList();
        if (failed.Count == 0)
        {
            throw new CliException(ExitCode.Failed, $"Nothing of '{target}' has failed. 'slowrun status {target.Run}' says what it waits for.");
        }

        // One more than the failure's own number clears it; asking twice for the same failure is asking once.
        return intent => intent with
        {
            Retries = new Dictionary<string, int>(intent.Retries.Concat(failed.Select(id =>
                    KeyValuePair.Create(id.ToString(), facts.FailureOf(id)!.Retry + 1)))
                .GroupBy(pair => pair.Key)
                .Select(group => KeyValuePair.Create(group.Key, group.Max(pair => pair.Value)))),
        };
    }
}
