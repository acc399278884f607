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
            (facts, target) => Ended(facts, target) ?? Cancelled(facts, target) ?? Ordered(facts, DesiredState.Paused, target),
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
            (facts, target) => Ended(facts, target) ?? Ordered(facts, DesiredState.Running, target),
            target => $"'{target}' goes on as soon as a slot is free.",
            "slowrun resume demo"
        );

    public static Command Cancel(ClientContext context, CommonOptions common) =>
        Create(
            context,
            common,
            "cancel",
            "Ends a run or a stage; what it has committed is kept.",
            (facts, target) => Ended(facts, target) ?? Ordered(facts, DesiredState.Cancelled, target),
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
                        Adopt,
                        whom =>
                            $"Unfinished stages of '{whom}' may go on with any machine's arithmetic now; its events will say where it did.",
                        stop
                    )
                    : ChangeAsync(
                        context,
                        common,
                        parsed,
                        target,
                        RetryFailed,
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
        Func<RunFacts, Target, Func<RunIntent, RunIntent>> change,
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
        Func<RunFacts, Target, Func<RunIntent, RunIntent>> change,
        Func<Target, string> done,
        CancellationToken stop
    )
    {
        var named = await NamedRun.OpenAsync(context, common, parsed, target, stop, chains: true);
        var (store, whom, reader) = named;
        var facts = await named.FactsAsync(stop);
        await new RunDocuments(store, whom.Run).ChangeIntentAsync(change(facts, whom), stop);
        await context.Output.WriteLineAsync(done(whom));
        await using var statuses = new StatusReader(reader);
        await statuses.PokeAsync(whom.Run, stop);
        return ExitCode.Done;
    }

    private static Func<RunIntent, RunIntent> Ordered(RunFacts facts, DesiredState state, Target target) =>
        intent =>
            target.Chain is null
                ? intent.With(state, target.Stage?.ToString())
                // A run that has ended needs no order.
                : Meant(facts, target)
                    .Where(id => Readiness.StateOf(facts, id) != StageState.Done)
                    .Aggregate(intent, (changed, id) => changed.With(state, id.ToString()));

    private static IReadOnlyList<StageId> Meant(RunFacts facts, Target target) =>
        [.. facts.Plan.Stages.Select(stage => stage.Id).Where(target.Has)];

    /// <exception cref="CliException">There is nothing left that the order could change.</exception>
    private static Func<RunIntent, RunIntent>? Ended(RunFacts facts, Target target) =>
        Readiness.StateOf(facts) == RunState.Succeeded
        || (target is not { Stage: null, Chain: null } && Meant(facts, target).All(id => Readiness.StateOf(facts, id) == StageState.Done))
            ? throw new CliException(
                ExitCode.Failed,
                $"'{target}' has ended already; there is nothing to change. 'slowrun status {target.Run}' shows it."
            )
            : null;

    /// <exception cref="CliException">It was cancelled; a pause would silently undo that.</exception>
    private static Func<RunIntent, RunIntent>? Cancelled(RunFacts facts, Target target) =>
        (
            target is { Stage: null, Chain: null }
                ? facts.Intent.Run == DesiredState.Cancelled
                : Meant(facts, target)
                    .Where(id => Readiness.StateOf(facts, id) != StageState.Done)
                    .All(id => facts.Intent.Of(id.ToString()) == DesiredState.Cancelled)
        )
            ? throw new CliException(
                ExitCode.Failed,
                $"'{target}' is cancelled, so there is nothing to pause. 'slowrun resume {target}' takes it up again."
            )
            : null;

    private static Func<RunIntent, RunIntent> Adopt(RunFacts facts, Target target)
    {
        var unfinished = facts
            .Plan.Stages.Select(stage => stage.Id)
            .Where(id => target.Has(id) && facts.RootOf(id) is { Identity: not null, Finished: false })
            .ToList();
        if (unfinished.Count == 0)
        {
            throw new CliException(ExitCode.Failed, $"Nothing of '{target}' has begun and not finished: any machine may take it as it is.");
        }

        // Each adoption counts once: every later machine must match the adopted one.
        return intent =>
            intent with
            {
                Adoptions = new Dictionary<string, int>(
                    [
                        .. intent.Adoptions.Where(pair => unfinished.All(id => id.ToString() != pair.Key)),
                        .. unfinished.Select(id => KeyValuePair.Create(id.ToString(), facts.RootOf(id).Adoptions + 1)),
                    ]
                ),
            };
    }

    private static Func<RunIntent, RunIntent> RetryFailed(RunFacts facts, Target target)
    {
        List<(string What, StageFailure Failure)> failed =
        [
            .. from stage in facts.Plan.Stages
            where target.Has(stage.Id) && facts.FailureOf(stage.Id) is not null
            select (stage.Id.ToString(), facts.FailureOf(stage.Id)!),
            .. target is { Stage: null, Chain: null } && facts.EnsembleFailureOf(facts.ScoredMembers) is { } ensemble
                ? [(JudgingFailures.Ensemble, ensemble)]
                : Array.Empty<(string, StageFailure)>(),
        ];
        if (failed.Count == 0)
        {
            throw new CliException(
                ExitCode.Failed,
                $"Nothing of '{target}' has failed. 'slowrun status {target.Run}' says what it waits for."
            );
        }

        // One more than the failure's own number clears it; a second request for the same failure changes nothing.
        return intent =>
            intent with
            {
                Retries = new Dictionary<string, int>(
                    intent
                        .Retries.Concat(failed.Select(one => KeyValuePair.Create(one.What, one.Failure.Retry + 1)))
                        .GroupBy(pair => pair.Key)
                        .Select(group => KeyValuePair.Create(group.Key, group.Max(pair => pair.Value)))
                ),
            };
    }
}
