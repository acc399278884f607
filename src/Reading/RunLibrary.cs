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

    private const string HowToUpload =
        "'slowrun data prepare --input FILE --store STORE' puts data there and prints their hash; name it with 'data', or in the spec as recipe.data.sha256.";

    // A limit on concurrent reads of runs: without it, a crawl through all runs would slow the trainings on this machine.
    private const int ReadsAtOnce = 2;

    // Beside them: a submission reads data, and its author waits for nobody but other authors.
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
    private readonly SharedReads<RunList> lists = new(time, ListFresh);
    private readonly SharedReads<EfficiencyReport?> efficiencies = new(time, ListFresh);

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
                    return read is null ? null : new RunReading(read, answer ?? reader.StatusOf(read));
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
                    return await live.TryStatusAsync(run, token)
                        ?? (await TryFactsAsync(run, token) is { } read ? reader.StatusOf(read) : null);
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

    /// <summary>Changes what the user wants of a run, as the command line does.</summary>
    /// <returns>The intent now; null where the run, or the stage, has ended: there is nothing to change.</returns>
    public async Task<RunIntent?> OrderAsync(RunFacts read, DesiredState state, StageId? stage, CancellationToken cancellationToken)
    {
        var ended = Readiness.StateOf(read) == RunState.Succeeded || (stage is { } one && Readiness.StateOf(read, one) == StageState.Done);
        if (ended)
        {
            return null;
        }

        var intent = await new RunDocuments(store, read.Spec.Name).ChangeIntentAsync(
            now => now.With(state, stage?.ToString()),
            cancellationToken
        );
        await live.PokeAsync(read.Spec.Name, cancellationToken);
        readings.Forget(read.Spec.Name);
        statuses.Forget(read.Spec.Name);
        return intent;
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
        var damaged = new List<DamagedRun>();
        var read = await Task.WhenAll(
            names.Select(async name =>
            {
                try
                {
                    // Null for a folder that no spec has been written into: a submission that broke off.
                    return await TryFactsAsync(name, cancellationToken) is { } found ? reader.StatusOf(found) : null;
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
