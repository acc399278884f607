using System.Collections.Concurrent;
using Slowrun.Clustering.Membership;
using Slowrun.Core;
using Slowrun.Core.Efficiency;
using Slowrun.Core.Plan;
using Slowrun.Core.Recipes;
using Slowrun.Core.Specs;
using Slowrun.Core.Stages;
using Slowrun.Core.Status;
using Slowrun.Core.Tokens;
using Slowrun.Reading.Curves;
using Slowrun.Reading.Events;
using Slowrun.Reading.Live;
using Slowrun.Reading.Runs;
using Slowrun.Storage;
using Slowrun.Storage.Checkpoints;
using Slowrun.Storage.Runs;
using Slowrun.Storage.Tokens;

namespace Slowrun.Reading;

/// <summary>Everything that page and API show, read from the store and overlaid with the silos' answers. Safe to use from several
/// threads.</summary>
[System.Diagnostics.CodeAnalysis.SuppressMessage(
    "Design",
    "CA1001",
    Justification = "A semaphore whose wait handle is not used holds nothing to dispose of."
)]
public sealed class RunLibrary(IObjectStore store, ILiveRuns live, TimeProvider time)
{
    // Owners report once a second.
    private static readonly TimeSpan Fresh = TimeSpan.FromMilliseconds(900);

    // A list reads every run of the store.
    private static readonly TimeSpan ListFresh = TimeSpan.FromSeconds(2);

    // A page is not delayed longer by given names.
    private static readonly TimeSpan NamesWithin = TimeSpan.FromSeconds(1);

    private const string HowToUpload =
        "'slowrun data prepare --input FILE --store STORE' puts data there and prints their hash; name it with 'data', or in the spec as recipe.data.sha256.";

    // A limit on concurrent reads of runs: without it, a crawl through all runs would slow the trainings on this machine.
    private const int ReadsAtOnce = 2;

    // Apart from them: a submission reads data, and waits only for other submissions.
    private const int SubmissionsAtOnce = 1;

    // Runs that exist: silos are asked about these alone, since a question about any other name would start a grain.
    private readonly ConcurrentDictionary<string, bool> known = new(StringComparer.Ordinal);
    private readonly SemaphoreSlim reads = new(ReadsAtOnce);
    private readonly SemaphoreSlim submissions = new(SubmissionsAtOnce);
    private readonly RunReader reader = new(store, time);
    private readonly SharedReads<IReadOnlyList<LiveSilo>> silos = new(time, Fresh);
    private readonly SharedReads<IReadOnlyList<SiloLoad>> loads = new(time, Fresh);
    private readonly SharedReads<RunReading?> readings = new(time, Fresh);
    private readonly SharedReads<RunStatus?> statuses = new(time, Fresh);
    private readonly SharedReads<GivenNames> givenNames = new(time, ListFresh);
    private readonly SharedReads<RunList> lists = new(time, ListFresh);
    private readonly SharedReads<EfficiencyReport?> efficiencies = new(time, ListFresh);
    private volatile GivenNames lastNames = new();

    public IObjectStore Store => store;

    public EventLogs Events { get; } = new(store, time);

    public CurveCache Curves { get; } = new(store);

    public DateTimeOffset Now => time.GetUtcNow();

    /// <summary>Silos that serve the store now, or are about to.</summary>
    public Task<IReadOnlyList<LiveSilo>> SilosAsync(CancellationToken cancellationToken) =>
        silos.GetAsync("", reader.SilosAsync, cancellationToken);

    /// <summary>The load of those silos that answer at once.</summary>
    public Task<IReadOnlyList<SiloLoad>> LoadsAsync(CancellationToken cancellationToken) =>
        loads.GetAsync(
            "",
            async token =>
                [
                    .. (await live.ReportsAsync(await SilosAsync(token), token)).Select(report => new SiloLoad(
                        report.Silo,
                        report.Devices,
                        report.Processors
                    )),
                ],
            cancellationToken
        );

    /// <summary>The runs of the store, from the store alone.</summary>
    public Task<RunList> ListAsync(CancellationToken cancellationToken) => lists.GetAsync("", ReadListAsync, cancellationToken);

    /// <returns>Null where there is no such run.</returns>
    /// <exception cref="InvalidDataException">A document of the run is damaged; the message names it.</exception>
    public async Task<RunReading?> TryReadAsync(string run, CancellationToken cancellationToken) =>
        !await IsThereAsync(run, cancellationToken)
            ? null
            : await readings.GetAsync(
                run,
                async token =>
                {
                    using var turn = await TurnAsync(reads, token);
                    var asking = live.TryStatusAsync(run, token);
                    var read = await TryFactsAsync(run, token);
                    var answer = await asking;
                    return read is null ? null : new RunReading(read, await CalledAsync(answer ?? reader.StatusOf(read), token));
                },
                cancellationToken
            );

    /// <summary>As <see cref="TryReadAsync"/>, without reading the store where a silo answers.</summary>
    public async Task<RunStatus?> TryStatusAsync(string run, CancellationToken cancellationToken) =>
        !await IsThereAsync(run, cancellationToken)
            ? null
            : await statuses.GetAsync(
                run,
                async token =>
                {
                    using var turn = await TurnAsync(reads, token);
                    var status =
                        await live.TryStatusAsync(run, token)
                        ?? (await TryFactsAsync(run, token) is { } read ? reader.StatusOf(read) : null);
                    return status is null ? null : await CalledAsync(status, token);
                },
                cancellationToken
            );

    /// <summary>A run's data efficiency, as it was answered last.</summary>
    /// <returns>Null where it was not measured, or of an earlier run of that name, or there is no such run.</returns>
    /// <exception cref="InvalidDataException">The document is damaged; the message names it.</exception>
    public async Task<EfficiencyReport?> TryEfficiencyAsync(string run, CancellationToken cancellationToken) =>
        await IsThereAsync(run, cancellationToken)
            ? await efficiencies.GetAsync(
                run,
                async token =>
                    await new RunEfficiency(store, run).TryReadAsync(token) is { } found
                    && await new RunDocuments(store, run).TryReadSpecAsync(token) is { } spec
                    && found.RecipeSha256 == CanonicalJson.Sha256(spec.Recipe)
                        ? found
                        : null,
                cancellationToken
            )
            : null;

    /// <summary>The run that a user means by a name: the one of that name, else the one that is called so.</summary>
    /// <returns>The name itself where there is neither.</returns>
    public async Task<string> ResolveAsync(string name, CancellationToken cancellationToken)
    {
        if ((await NamesAsync(cancellationToken)).Runs.TryGetValue(name, out var run))
        {
            return run;
        }

        if (!RunPaths.IsName(name) || await IsThereAsync(name, cancellationToken))
        {
            return name;
        }

        // It may have been given a moment ago.
        if (!(await ReadNamesAsync(cancellationToken)).Runs.TryGetValue(name, out run))
        {
            return name;
        }

        givenNames.Forget("");
        return run;
    }

    /// <summary>Changes what the user wants of a run, as the command line does.</summary>
    /// <param name="order">One of <see cref="UserOrders"/>.</param>
    /// <returns>The intent now.</returns>
    /// <exception cref="NotPossibleException">It would change nothing.</exception>
    public async Task<RunIntent> OrderAsync(Func<RunIntent, RunIntent> order, string run, CancellationToken cancellationToken)
    {
        var intent = await new RunDocuments(store, run).ChangeIntentAsync(order, cancellationToken);
        await ChangedAsync(run, cancellationToken);
        return intent;
    }

    /// <summary>Changes a run's operations, as the command line does; but not who is told of it.</summary>
    /// <param name="spec">The run's, as it is now.</param>
    /// <param name="assignments">As <c>slowrun set</c> takes them.</param>
    /// <exception cref="InvalidRequestException">They would change something other than operations, or receivers of notices.</exception>
    /// <exception cref="SpecException">A value is none that its field takes.</exception>
    public async Task<Operations> SetAsync(RunSpec spec, IReadOnlyList<string> assignments, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(spec);
        var (now, _) = await new OperationsOrder(store, time).ChangeAsync(spec, assignments, CheckReceivers, cancellationToken);
        await ChangedAsync(spec.Name, cancellationToken);
        return now;
    }

    /// <summary>Who has the token may order trainings. A receiver of notices would let them make silos post to any address, with
    /// variables of the silos' environment: that is for who may write the store.</summary>
    private static void CheckReceivers(Operations before, Operations after)
    {
        if (CanonicalJson.Sha256(before.Notify) != CanonicalJson.Sha256(after.Notify))
        {
            throw new InvalidRequestException(
                "Receivers of notices (notify) are not changed over HTTP: silos would post to them. Who may write the store changes them with 'slowrun set'."
            );
        }
    }

    private async Task ChangedAsync(string run, CancellationToken cancellationToken)
    {
        await live.PokeAsync(run, cancellationToken);
        readings.Forget(run);
        statuses.Forget(run);
    }

    /// <summary>Makes a run of a spec on data that the store has, as the command line does, and wakes the silos.</summary>
    /// <param name="data">The hash of data to use instead of the spec's; null: the spec's.</param>
    /// <exception cref="InvalidRequestException">The data are not in the store, or do not fit.</exception>
    /// <exception cref="SpecException">The spec breaks a rule with the data's sizes.</exception>
    public async Task<CreatedRun> SubmitAsync(RunSpec spec, string? data, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(spec);
        var creation = new RunCreation(store);
        using var turn = await TurnAsync(submissions, cancellationToken);
        if ((data ?? spec.Recipe.Data.Sha256) is { } sha256 && !await new StoredTokenSets(store).HasAsync(sha256, cancellationToken))
        {
            throw new InvalidRequestException(
                $"The data '{(sha256.Length > 64 ? sha256[..64] + "…" : sha256)}' are not in '{store.Address}'; expected is the hash, 64 lower-case hex digits, of data that are. {HowToUpload}"
            );
        }

        if (data is not null)
        {
            spec = RunCreation.WithData(spec, data, await CheckDataAsync(data, spec.Recipe, cancellationToken));
        }

        await new ImportedSnapshots(store).EnsureAsync(spec, cancellationToken);
        var run = await creation.CreateAsync(
            spec,
            (recipe, _) =>
                throw new InvalidRequestException(
                    $"The spec names no data: its source is '{recipe.Source}', of which only a command line makes data. {HowToUpload}"
                ),
            data is null ? CheckDataAsync : null,
            cancellationToken
        );
        if (run.IsNew)
        {
            await live.PokeAsync(spec.Name, cancellationToken);
            lists.Forget("");
        }

        return run;

        // An object of the store that is no data, or damaged data, is what was asked for, and no fault of the server.
        async Task<DataManifest> CheckDataAsync(string sha256, Recipe recipe, CancellationToken stop)
        {
            try
            {
                return await creation.CheckDataAsync(sha256, recipe, stop);
            }
            catch (InvalidDataException e)
            {
                throw new InvalidRequestException(e.Message);
            }
        }
    }

    private async Task<RunList> ReadListAsync(CancellationToken cancellationToken)
    {
        using var turn = await TurnAsync(reads, cancellationToken);
        var names = await RunDocuments.ListRunsAsync(store, cancellationToken).ToListAsync(cancellationToken);
        var called = await NamesAsync(cancellationToken);
        var damaged = new List<DamagedRun>();
        var read = await Task.WhenAll(
            names.Select(async name =>
            {
                try
                {
                    // Null for a folder that no spec has been written into: a submission that broke off.
                    return await TryFactsAsync(name, cancellationToken) is { } found
                        ? reader.StatusOf(found) with
                        {
                            GivenName = called.Of(name),
                        }
                        : null;
                }
                catch (InvalidDataException e)
                {
                    lock (damaged)
                    {
                        damaged.Add(new DamagedRun(name, e.Message));
                    }

                    return null;
                }
            })
        );
        return new RunList([.. read.OfType<RunStatus>()], [.. damaged.OrderBy(run => run.Name, StringComparer.Ordinal)]);
    }

    private async Task<RunFacts?> TryFactsAsync(string run, CancellationToken cancellationToken) =>
        await reader.TryFactsAsync(run, await SilosAsync(cancellationToken), cancellationToken);

    /// <summary>What runs are called; while the store does not answer, what they were called before.</summary>
    private async Task<GivenNames> NamesAsync(CancellationToken cancellationToken)
    {
        try
        {
            return lastNames = await givenNames
                .GetAsync("", ReadNamesAsync, cancellationToken)
                .WaitAsync(NamesWithin, time, cancellationToken);
        }
        catch (Exception e) when (e is IOException or TimeoutException)
        {
            return lastNames;
        }
    }

    private async Task<GivenNames> ReadNamesAsync(CancellationToken cancellationToken)
    {
        var names = await reader.Naming.TryReadAsync(cancellationToken);
        return names.Runs.Count == 0
            ? names
            : names.Besides(await RunDocuments.ListRunsAsync(store, cancellationToken).ToListAsync(cancellationToken));
    }

    /// <summary>With what the run is called.</summary>
    private async Task<RunStatus> CalledAsync(RunStatus status, CancellationToken cancellationToken) =>
        status with
        {
            GivenName = (await NamesAsync(cancellationToken)).Of(status.Name),
        };

    private async Task<bool> IsThereAsync(string run, CancellationToken cancellationToken)
    {
        if (!RunPaths.IsName(run))
        {
            return false;
        }

        if (!known.ContainsKey(run))
        {
            if (await store.TryReadAsync(RunPaths.Spec(run), cancellationToken) is null)
            {
                return false;
            }

            known[run] = true;
        }

        return true;
    }

    private static async Task<Turn> TurnAsync(SemaphoreSlim turns, CancellationToken cancellationToken)
    {
        await turns.WaitAsync(cancellationToken);
        return new Turn(turns);
    }

    private sealed record Turn(SemaphoreSlim Turns) : IDisposable
    {
        public void Dispose() => Turns.Release();
    }
}
