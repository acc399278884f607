using Slowrun.Clustering.Membership;
using Slowrun.Clustering.Views;
using Slowrun.Core;
using Slowrun.Core.Plan;
using Slowrun.Core.Status;
using Slowrun.Storage;
using Slowrun.Storage.Checkpoints;
using Slowrun.Storage.Runs;

namespace Slowrun.Reading.Runs;

/// <summary>Reads runs and living silos from the store; needs no silo.</summary>
public sealed class RunReader(IObjectStore store, TimeProvider time)
{
    // No address of any silo, so that it owns nothing.
    private const string ToCome = "starting";

    private readonly RunFactsReader facts = new(store);
    private readonly ClusterView cluster = new(store, time);

    public IObjectStore Store => store;

    /// <summary>Whether a silo is being started that is not a member of the cluster yet: work that waits for a silo then waits for that
    /// one.</summary>
    public Func<bool> Starting { get; set; } = () => false;

    /// <summary>Silos that serve the store now, or are about to.</summary>
    public Task<IReadOnlyList<LiveSilo>> SilosAsync(CancellationToken cancellationToken) => cluster.ReadAsync(cancellationToken);

    public async Task<RunFacts?> TryFactsAsync(string run, CancellationToken cancellationToken) =>
        RunPaths.IsName(run) ? await TryFactsAsync(run, await SilosAsync(cancellationToken), cancellationToken) : null;

    /// <summary>What runs are called besides their own names.</summary>
    public RunNaming Naming { get; } = new(store);

    /// <param name="silos">Silos that serve the store now.</param>
    public async Task<RunFacts?> TryFactsAsync(string run, IReadOnlyList<LiveSilo> silos, CancellationToken cancellationToken)
    {
        var alive = Alive(silos);
        var read = await facts.ReadAsync(run, alive, cancellationToken);
        // The silos were looked up before the roots were read: an owner may have joined and taken its stage in between.
        return
            read?.Roots.Values.Any(root =>
                root.Owner is { } owner && owner.MembershipVersion > cluster.Version && !alive.Contains(owner.Silo)
            ) == true
            ? read with
            {
                AliveSilos = Alive(await SilosAsync(cancellationToken)),
            }
            : read;
    }

    private HashSet<string> Alive(IReadOnlyList<LiveSilo> silos)
    {
        var alive = silos.Select(silo => silo.Silo).ToHashSet(StringComparer.Ordinal);
        if (Starting())
        {
            alive.Add(ToCome);
        }

        return alive;
    }

    /// <exception cref="NotFoundException">There is no such run.</exception>
    public async Task<RunFacts> FactsAsync(string run, CancellationToken cancellationToken) =>
        await TryFactsAsync(run, cancellationToken) ?? throw await NoSuchRunAsync(run, cancellationToken);

    /// <summary>A run's plan, which its spec fixes for good; null where there is no such run.</summary>
    public async Task<RunPlan?> TryPlanAsync(string run, CancellationToken cancellationToken) =>
        RunPaths.IsName(run) && await new RunDocuments(store, run).TryReadSubmittedSpecAsync(cancellationToken) is { } spec
            ? new RunPlan(spec.Recipe)
            : null;

    public async Task<RunStatus> StatusAsync(string run, CancellationToken cancellationToken) =>
        StatusOf(await FactsAsync(run, cancellationToken));

    /// <summary>The status by the store's documents alone.</summary>
    public RunStatus StatusOf(RunFacts read) => StatusBuilder.Build(read, StatusSource.Store, time.GetUtcNow());

    public async Task<NotFoundException> NoSuchRunAsync(string run, CancellationToken cancellationToken)
    {
        var runs = await RunDocuments.ListRunsAsync(store, cancellationToken).ToListAsync(cancellationToken);
        List<string> names =
        [
            .. runs,
            .. (await Naming.TryReadAsync(cancellationToken)).Runs.Where(given => runs.Contains(given.Value)).Select(given => given.Key),
        ];
        return new NotFoundException(
            runs.Contains(run) ? await WithoutSpecAsync(run, cancellationToken)
            : names.Count == 0
                ? $"There is no run '{run}' in '{store.Address}': the store has no runs. 'slowrun submit' makes one; --store or "
                    + "SLOWRUN_STORE names another store."
            : $"There is no run '{run}' in '{store.Address}'.{Nearest.Hint(run, names)} There are: {Nearest.Listed(run, names)}."
        );
    }

    /// <summary>The message about a run's folder with neither a spec nor its copy.</summary>
    public async Task<string> WithoutSpecAsync(string run, CancellationToken cancellationToken) =>
        await new ImportedSnapshots(store).TryLastWithoutRunAsync(run, cancellationToken) is { } last
            ? $"'{run}' of '{store.Address}' is no run yet: it has imported weights alone, the last ones written {Human.Time(time.GetUtcNow() - last)} ago. "
                + "If that import has broken off, the same command again goes on with it; "
                + $"'slowrun delete {run}' deletes the weights."
            : $"Run '{run}' of '{store.Address}' has documents and no spec: '{RunPaths.Spec(run)}' is missing, and its copy too. "
                + $"Put it back from a copy of the store; or submit the same recipe as '{run}' again: stages go on with it where they "
                + "were, and refuse any other. "
                + $"'slowrun delete {run}' deletes what is left.";
}
