using Slowrun.Client.Cli;
using Slowrun.Clustering.Membership;
using Slowrun.Core;
using Slowrun.Core.Plan;
using Slowrun.Core.Status;
using Slowrun.Storage;
using Slowrun.Storage.Runs;

namespace Slowrun.Client.Runs;

/// <summary>What the store knows of its runs and of who serves it; needs no silo.</summary>
internal sealed class RunReader(IObjectStore store, TimeProvider time)
{
    // No address of any silo, so that it owns nothing.
    private const string ToCome = "starting";

    private readonly RunFactsReader facts = new(store);
    private readonly ClusterView cluster = new(store, time);

    public IObjectStore Store => store;

    /// <summary>Whether a silo is being started, which is no member of the cluster yet: what waits for one then has one to come.</summary>
    public Func<bool> Starting { get; set; } = () => false;

    /// <summary>Silos that serve the store now, or are about to.</summary>
    public Task<IReadOnlyList<LiveSilo>> SilosAsync(CancellationToken cancellationToken) => cluster.ReadAsync(cancellationToken);

    public async Task<RunFacts?> TryFactsAsync(string run, CancellationToken cancellationToken)
    {
        if (!RunPaths.IsName(run))
        {
            return null;
        }

        var alive = (await SilosAsync(cancellationToken)).Select(silo => silo.Silo).ToHashSet(StringComparer.Ordinal);
        if (Starting())
        {
            alive.Add(ToCome);
        }

        return await facts.ReadAsync(run, alive, cancellationToken);
    }

    /// <exception cref="CliException">There is no such run.</exception>
    public async Task<RunFacts> FactsAsync(string run, CancellationToken cancellationToken) =>
        await TryFactsAsync(run, cancellationToken) ?? throw await NoSuchRunAsync(run, cancellationToken);

    public async Task<RunStatus> StatusAsync(string run, CancellationToken cancellationToken) =>
        StatusBuilder.Build(await FactsAsync(run, cancellationToken), StatusSource.Store, time.GetUtcNow());

    public async Task<CliException> NoSuchRunAsync(string run, CancellationToken cancellationToken)
    {
        var names = await RunDocuments.ListRunsAsync(store, cancellationToken).ToListAsync(cancellationToken);
        return new CliException(
            ExitCode.NoSuchThing,
            names.Contains(run) ? WithoutSpec(run)
            : names.Count == 0
                ? $"There is no run '{run}' in '{store.Address}': the store has no runs. 'slowrun submit' makes one; --store or SLOWRUN_STORE names another store."
                : $"There is no run '{run}' in '{store.Address}'.{Nearest.Hint(run, names)} There are: {Nearest.Listed(run, names)}.");
    }

    /// <summary>What to say of a run's folder in which there is no spec, nor its copy.</summary>
    public string WithoutSpec(string run) =>
        $"Run '{run}' of '{store.Address}' has documents and no spec: '{RunPaths.Spec(run)}' is missing, and its copy too. "
        + $"Put it back from a copy of the store; or submit the same recipe as '{run}' again: stages go on with it where they were, and refuse any other.";

    /// <exception cref="CliException">The run has no such stage, or no such chain.</exception>
    public static void CheckStage(RunFacts facts, Target target)
    {
        if (target.Chain is not null && !facts.Plan.Stages.Any(plan => target.Has(plan.Id)))
        {
            var chains = facts.Plan.Stages.Select(plan => plan.Id.ToString().Split('/')[0]).Distinct().ToList();
            throw new CliException(ExitCode.NoSuchThing, $"Run '{target.Run}' has no chain '{target.ToString().Split('/')[1]}'. It has {Nearest.Listed(target.ToString(), chains)}.");
        }

        if (target.Stage is { } stage && facts.Plan.Stages.All(plan => plan.Id != stage))
        {
            var names = facts.Plan.Stages.Select(plan => plan.Id.ToString()).ToList();
            throw new CliException(ExitCode.NoSuchThing, $"Run '{target.Run}' has no stage '{stage}'.{Nearest.Hint(stage.ToString(), names)} It has {Nearest.Listed(stage.ToString(), names)}.");
        }
    }
}
