using System.Globalization;
using Slowrun.Client.Cli;
using Slowrun.Client.Display;
using Slowrun.Core;
using Slowrun.Core.Plan;
using Slowrun.Core.Recipes;
using Slowrun.Core.Status;
using Slowrun.Fleet.Silos;
using Slowrun.Reading.Live;
using Slowrun.Reading.Runs;
using Slowrun.Storage;

namespace Slowrun.Client.Runs;

/// <summary>Carries a run to its end on this machine: submits, serves, watches, stops what it started.</summary>
internal sealed class RunSession(ClientContext context, IObjectStore store)
{
    // The user waits for the command's end after a stop.
    private static readonly TimeSpan TellWithin = TimeSpan.FromSeconds(5);

    /// <summary>One silo that lends every device, unless the user wants several.</summary>
    public int Silos { get; init; } = 1;

    /// <exception cref="InvalidRequestException">Another recipe has this name.</exception>
    /// <exception cref="NotPossibleException">Silos end again and again.</exception>
    /// <exception cref="OperationCanceledException">Cancelled; what was trained is committed.</exception>
    public async Task<(RunStatus Status, RunFacts Facts)> RunAsync(RunSpec spec, GivenData data, CancellationToken stop)
    {
        var reader = new RunReader(store, context.Time);
        var isNew = await reader.TryFactsAsync(spec.Name, stop) is null;
        if (!isNew)
        {
            await SubmitAsync(spec, data, context.Output.WriteLine, stop);
            var facts = await reader.FactsAsync(spec.Name, stop);
            if (Readiness.IsOver(Readiness.StateOf(facts)))
            {
                return (await reader.StatusAsync(spec.Name, stop), facts);
            }

            TellHowItGoesOn(facts);
        }
        else
        {
            // Checked before a silo is started for it.
            await new Submission(store, context.Output.WriteLine).CheckAsync(spec, data, stop);
            RoomForRun.Demand(spec, await reader.SilosAsync(stop), context.MachineSlots);
            if (data.TextFiles.Count > 0)
            {
                // Whether the user's text suffices is known when it is prepared.
                await SubmitAsync(spec, data, context.Output.WriteLine, stop);
                context.Output.WriteLine($"Run '{spec.Name}' is new in '{store.Address}'.");
                isNew = false;
            }
        }

        try
        {
            await ServeAndWatchAsync(reader, spec, isNew ? data : null, stop);
        }
        catch (OperationCanceledException) when (stop.IsCancellationRequested)
        {
            await TellWhatIsKeptAsync(reader, spec.Name);
            throw;
        }

        return (await reader.StatusAsync(spec.Name, stop), await reader.FactsAsync(spec.Name, stop));
    }

    /// <param name="data">Null: the run has been submitted.</param>
    private async Task ServeAndWatchAsync(RunReader reader, RunSpec spec, GivenData? data, CancellationToken stop)
    {
        using var end = CancellationTokenSource.CreateLinkedTokenSource(stop);
        await using var view = ProgressView.For(context, new RunPlan(spec.Recipe));
        await using var statuses = new StatusReader(reader);
        // Disposed first: at a signal every second counts for the last commit.
        await using var silos = new LocalSilos(reader, spec.Name, SiloProgram.Find(), Wanted(Silos), context.Time, view.Say);
        var isOver = false;
        reader.Starting = () => !isOver && silos.Starting;
        var supervising = silos.SuperviseAsync(end.Token);
        try
        {
            if (data is not null)
            {
                // A new run's text takes as long to prepare as a silo takes to start.
                await SubmitAsync(spec, data, view.Say, stop);
                view.Say($"Run '{spec.Name}' is new in '{store.Address}'.");
                if (
                    await reader.SilosAsync(stop) is { Count: > 0 } serving
                    && RoomForRun.Warning(spec, serving, context.MachineSlots) is { } warning
                )
                {
                    view.Say(warning);
                }
            }

            await new RunWatcher(statuses, reader, context.Time).WatchAsync(spec.Name, view, stop, supervising);
        }
        finally
        {
            isOver = true;
            await end.CancelAsync();
            await supervising.ContinueWith(_ => { }, CancellationToken.None, TaskContinuationOptions.None, TaskScheduler.Default);
        }
    }

    private Task SubmitAsync(RunSpec spec, GivenData data, Action<string> tell, CancellationToken stop) =>
        new Submission(store, tell).SubmitAsync(spec, data, stop);

    /// <summary>The arguments of each of so many silos: several share the cores, as several machines would.</summary>
    public static IReadOnlyList<IReadOnlyList<string>> Wanted(int silos) =>
        silos == 1
            ?
            [
                [],
            ]
            :
            [
                .. Enumerable
                    .Range(0, silos)
                    .Select(_ =>
                        (IReadOnlyList<string>)
                            [
                                "--slots",
                                string.Create(CultureInfo.InvariantCulture, $"cpu:{Math.Max(1, Environment.ProcessorCount / silos)}"),
                            ]
                    ),
            ];

    private void TellHowItGoesOn(RunFacts facts)
    {
        var done = facts.Plan.Stages.Count(stage => facts.RootOf(stage.Id).Finished);
        var begun = facts
            .Plan.Stages.Select(stage => (stage.Id, Root: facts.RootOf(stage.Id)))
            .Where(stage => !stage.Root.Finished && stage.Root.Current is not null)
            .Select(stage =>
                string.Create(
                    CultureInfo.InvariantCulture,
                    $"{stage.Id} from step {stage.Root.DurableStep} of {stage.Root.Steps} (committed {Human.Time(context.Time.GetUtcNow() - stage.Root.Current!.At)} ago)"
                )
            );
        context.Output.WriteLine(
            string.Create(
                CultureInfo.InvariantCulture,
                $"Run '{facts.Spec.Name}' goes on: {done} of {facts.Plan.Stages.Count} stages have finished{string.Concat(begun.Select(stage => $"; {stage}"))}."
            )
        );
        if (Readiness.StateOf(facts) == RunState.Paused)
        {
            context.Output.WriteLine($"It is paused: 'slowrun resume {facts.Spec.Name}' lets it train.");
        }
    }

    private async Task TellWhatIsKeptAsync(RunReader reader, string name)
    {
        RunFacts? facts;
        try
        {
            using var limit = new CancellationTokenSource(TellWithin, context.Time);
            facts = await Task.Run(() => reader.TryFactsAsync(name, limit.Token), limit.Token).WaitAsync(limit.Token);
        }
        catch (Exception e) when (e is IOException or InvalidDataException or OperationCanceledException)
        {
            context.Output.WriteLine(
                $"What is kept in '{store.Address}' could not be read now: {(e is OperationCanceledException ? "it does not answer." : e.Message)} The same command goes on from there."
            );
            return;
        }

        if (facts is null)
        {
            return;
        }

        var stages = facts.Plan.Stages.Select(stage => (stage.Id, Root: facts.RootOf(stage.Id))).ToList();
        var finished = stages.Count(stage => stage.Root.Finished);
        IEnumerable<string> kept =
        [
            .. finished > 0
                ? [string.Create(CultureInfo.InvariantCulture, $"{finished} of {stages.Count} stages finished")]
                : Array.Empty<string>(),
            .. stages
                .Where(stage => stage.Root is { EpochToken: > 0, Finished: false })
                .Select(stage =>
                    string.Create(CultureInfo.InvariantCulture, $"{stage.Id} at step {stage.Root.DurableStep} of {stage.Root.Steps}")
                ),
        ];
        context.Output.WriteLine(
            $"Kept in '{store.Address}': {(string.Join(", ", kept) is { Length: > 0 } all ? all : "nothing yet")}. The same command goes on from there."
        );
    }
}
