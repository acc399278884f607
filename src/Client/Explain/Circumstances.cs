using Slowrun.Client.Runs;
using Slowrun.Clustering.Membership;
using Slowrun.Core.Plan;
using Slowrun.Core.Stages;
using Slowrun.Storage.Runs;
using Slowrun.Storage.Tokens;

namespace Slowrun.Client.Explain;

/// <summary>All that an explanation is made of: the run, and what goes on around it.</summary>
internal sealed record Circumstances
{
    private const int MostOtherRuns = 30;
    private const int NewestEvents = 200;

    public required RunFacts Facts { get; init; }

    /// <summary>The store's address, for commands to copy.</summary>
    public required string Store { get; init; }

    public required DateTimeOffset Now { get; init; }

    public IReadOnlyList<LiveSilo> Silos { get; init; } = [];

    /// <summary>Other runs of the store, which want the same slots.</summary>
    public IReadOnlyList<RunFacts> Others { get; init; } = [];

    /// <summary>The run's newest, in the order of their times.</summary>
    public IReadOnlyList<RunEvent> Events { get; init; } = [];

    /// <summary>How silos ended that owned a stage, where somebody saw it.</summary>
    public IReadOnlyDictionary<string, SiloEnd> Ends { get; init; } = new Dictionary<string, SiloEnd>();

    /// <summary>Why the run's data cannot be used; null: it can.</summary>
    public string? DataProblem { get; init; }

    public string Run => Facts.Spec.Name;

    /// <exception cref="Cli.CliException">There is no such run.</exception>
    public static async Task<Circumstances> ReadAsync(RunReader reader, string run, TimeProvider time, CancellationToken cancellationToken)
    {
        var facts = await reader.FactsAsync(run, cancellationToken);
        var silos = reader.SilosAsync(cancellationToken);
        var others = OthersAsync(reader, run, cancellationToken);
        var events = new RunEvents(reader.Store, run).ListAsync(newest: NewestEvents, cancellationToken: cancellationToken).ToListAsync(cancellationToken);
        var data = DataProblemAsync(reader, facts, cancellationToken);
        return new Circumstances
        {
            Facts = facts,
            Store = reader.Store.Address,
            Now = time.GetUtcNow(),
            Silos = await silos,
            Others = await others,
            Events = await events,
            Ends = await EndsAsync(reader, facts, cancellationToken),
            DataProblem = await data,
        };
    }

    /// <summary>The last event of one of these kinds about a stage; null: there was none lately.</summary>
    public RunEvent? Last(StageId id, params string[] kinds) =>
        Events.LastOrDefault(happened => happened.Stage == id.ToString() && kinds.Contains(happened.Kind, StringComparer.Ordinal));

    /// <summary>What a silo is at, over all runs.</summary>
    public IReadOnlyList<string> WorkOf(LiveSilo silo) =>
    [
        .. from facts in Others.Prepend(Facts)
           from root in facts.Roots
           where root.Value.Owner?.Silo == silo.Silo
           select $"{facts.Spec.Name}/{root.Key} on {string.Join(' ', root.Value.Owner!.Slots)}",
    ];

    /// <summary>Slots of a silo on which nothing trains, over all runs; null where it does not tell which it has. (Judging a member takes one for moments.)</summary>
    public IReadOnlyList<string>? FreeSlotsOf(LiveSilo silo) => silo.Slots.Count == 0 ? null :
    [
        .. silo.Slots.Except(
            from facts in Others.Prepend(Facts)
            from root in facts.Roots.Values
            where root.Owner?.Silo == silo.Silo
            from slot in root.Owner!.Slots
            select slot),
    ];

    /// <summary>The numerics fingerprint of a silo's device, as far as a stage that it owns tells; null: not known.</summary>
    public string? FingerprintOf(LiveSilo silo) => Others.Prepend(Facts).SelectMany(facts => facts.Roots.Values)
        .FirstOrDefault(root => root.Owner?.Silo == silo.Silo)?.Identity?.NumericsFingerprint;

    private static async Task<IReadOnlyList<RunFacts>> OthersAsync(RunReader reader, string run, CancellationToken cancellationToken)
    {
        var names = await RunDocuments.ListRunsAsync(reader.Store, cancellationToken).Where(name => name != run).Take(MostOtherRuns).ToListAsync(cancellationToken);
        return [.. (await Task.WhenAll(names.Select(Read))).OfType<RunFacts>()];

        async Task<RunFacts?> Read(string name)
        {
            try
            {
                return await reader.TryFactsAsync(name, cancellationToken);
            }
            catch (InvalidDataException)
            {
                // Another run's damage is not this one's trouble: silos leave that one alone.
                return null;
            }
        }
    }

    private static async Task<IReadOnlyDictionary<string, SiloEnd>> EndsAsync(RunReader reader, RunFacts facts, CancellationToken cancellationToken)
    {
        var ends = new Dictionary<string, SiloEnd>();
        foreach (var silo in facts.Roots.Values.Select(root => root.Owner?.Silo).OfType<string>().Where(silo => !facts.AliveSilos.Contains(silo)).Distinct())
        {
            if (await new SiloEnds(reader.Store).TryFindAsync(silo, cancellationToken) is { } end)
            {
                ends[silo] = end;
            }
        }

        return ends;
    }

    private static async Task<string?> DataProblemAsync(RunReader reader, RunFacts facts, CancellationToken cancellationToken)
    {
        try
        {
            if (facts.Spec.Recipe.Data.Sha256 is { } sha256)
            {
                await new StoredTokenSets(reader.Store).ReadManifestAsync(sha256, cancellationToken);
            }

            return null;
        }
        catch (InvalidDataException e)
        {
            return e.Message;
        }
    }
}
