using Slowrun.Client.Cli;
using Slowrun.Client.Display;
using Slowrun.Core.Plan;
using Slowrun.Core.Recipes;
using Slowrun.Fleet.Silos;
using Slowrun.Reading.Live;
using Slowrun.Reading.Runs;
using Slowrun.Storage;

namespace Slowrun.Client.Runs;

/// <summary>Trains baselines, several runs one after the other, by silos of the store or of this machine; progress is shown as <c>run</c>
/// does.</summary>
/// <param name="run">The run that they are baselines of: restarts of silos are recorded with it.</param>
internal sealed class BaselineSession(ClientContext context, IObjectStore store, string run, int silos) : IAsyncDisposable
{
    private readonly RunReader reader = new(store, context.Time);
    private readonly CancellationTokenSource end = new();
    private readonly List<string> submitted = [];
    private StatusReader? statuses;
    private LocalSilos? local;
    private Task supervising = Task.CompletedTask;
    private ProgressView? view;

    /// <summary>Submits what is not there yet, and waits until all are over.</summary>
    /// <param name="baselines">With their data in the store; and what each is, for people.</param>
    public async Task TrainAsync(IReadOnlyList<(RunSpec Spec, string What)> baselines, CancellationToken stop)
    {
        foreach (var (spec, _) in baselines)
        {
            if (await reader.TryFactsAsync(spec.Name, stop) is null)
            {
                await new Submission(store, _ => { }).SubmitAsync(spec, new GivenData([], null), stop);
            }

            submitted.Add(spec.Name);
        }

        statuses ??= new StatusReader(reader);
        foreach (var (spec, what) in baselines)
        {
            var facts = await reader.FactsAsync(spec.Name, stop);
            if (Readiness.IsOver(Readiness.StateOf(facts)))
            {
                continue;
            }

            view = ProgressView.For(context, facts.Plan);
            await using (view)
            {
                view.Say($"{what} ('{spec.Name}')");
                Serve();
                await statuses.PokeAsync(spec.Name, stop);
                await new RunWatcher(statuses, reader, context.Time).WatchAsync(spec.Name, view, stop, supervising);
            }

            view = null;
        }
    }

    public async ValueTask DisposeAsync()
    {
        await end.CancelAsync();
        await supervising.ContinueWith(_ => { }, CancellationToken.None, TaskContinuationOptions.None, TaskScheduler.Default);
        if (local is not null)
        {
            await local.DisposeAsync();
        }

        if (statuses is not null)
        {
            await statuses.DisposeAsync();
        }

        end.Dispose();
    }

    private void Serve()
    {
        if (local is null)
        {
            local = new LocalSilos(reader, run, SiloProgram.Find(), RunSession.Wanted(silos), context.Time, Say)
            {
                Committed = CommittedAsync,
            };
            reader.Starting = () => local.Starting;
            supervising = local.SuperviseAsync(end.Token);
        }
    }

    // Between two baselines there is nothing to draw over.
    private void Say(string line) => (view is null ? context.Output.WriteLine : (Action<string>)view.Say)(line);

    private async Task<long> CommittedAsync(CancellationToken stop)
    {
        long all = 0;
        foreach (var name in submitted.ToList())
        {
            all += (await reader.TryFactsAsync(name, stop))?.Committed ?? 0;
        }

        return all;
    }
}
