using Slowrun.Clustering.Membership;
using Slowrun.Core;
using Slowrun.Core.Plan;
using Slowrun.Core.Stages;
using Slowrun.Core.Status;
using Slowrun.Grains.Interfaces;
using Slowrun.Reading.Runs;
using Slowrun.Storage.Runs;

namespace Slowrun.Reading.Explain;

/// <summary>All that an explanation is made of: the run, and what goes on around it.</summary>
public sealed record ExplainContext
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

    /// <summary>What silos that answered know of themselves, by their addresses.</summary>
    public IReadOnlyDictionary<string, SiloReport> Reports { get; init; } = new Dictionary<string, SiloReport>();

    /// <summary>What living silos have against the store: told by themselves, or by what they last wrote.</summary>
    public IReadOnlyList<SiloTrouble> StoreTroubles =>
        SiloTrouble.Joined(
            SiloTrouble.Of(Facts),
            Reports.Values.SelectMany(report => report.StoreTroubles.Select(trouble => new SiloTrouble(report.Name, trouble)))
        ) ?? [];

    /// <summary>Why the run's data cannot be used; null: it can.</summary>
    public string? DataProblem { get; init; }

    /// <summary>What else unfinished stages depend on and cannot be found, by stage.</summary>
    public IReadOnlyDictionary<StageId, string> Missing { get; init; } = new Dictionary<StageId, string>();

    public string Run => Facts.Spec.Name;

    /// <param name="ask">Asks silos what they know of themselves.</param>
    /// <exception cref="NotFoundException">There is no such run.</exception>
    public static async Task<ExplainContext> ReadAsync(
        RunReader reader,
        Func<IReadOnlyList<LiveSilo>, Task<IReadOnlyList<SiloReport>>> ask,
        string run,
        TimeProvider time,
        CancellationToken cancellationToken
    )
    {
        var facts = await reader.FactsAsync(run, cancellationToken);
        var silos = reader.SilosAsync(cancellationToken);
        var others = OthersAsync(reader, run, cancellationToken);
        var events = new RunEvents(reader.Store, run)
            .ListAsync(newest: NewestEvents, cancellationToken: cancellationToken)
            .ToListAsync(cancellationToken);
        var data = InputProblems.OfDataAsync(reader.Store, facts, cancellationToken);
        var inputs = InputProblems.OfStagesAsync(reader.Store, facts, cancellationToken);
        var reports = ask(await silos);
        return new ExplainContext
        {
            Facts = facts,
            Store = reader.Store.Address,
            Now = time.GetUtcNow(),
            Silos = await silos,
            Others = await others,
            Events = await events,
            Ends = await EndsAsync(reader, facts, cancellationToken),
            DataProblem = await data,
            Missing = await inputs,
            Reports = (await reports).DistinctBy(report => report.Silo).ToDictionary(report => report.Silo),
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

    /// <summary>Slots of a silo on which nothing trains, over all runs; null where it does not tell which it has. (Judging a member takes
    /// one for moments.)</summary>
    public IReadOnlyList<string>? FreeSlotsOf(LiveSilo silo) =>
        silo.Slots.Count == 0
            ? null
            :
            [
                .. silo.Slots.Except(
                    from facts in Others.Prepend(Facts)
                    from root in facts.Roots.Values
                    where root.Owner?.Silo == silo.Silo
                    from slot in root.Owner!.Slots
                    select slot
                ),
            ];

    /// <summary>
    /// Which engine and arithmetic a silo gives to what it takes, as far as it tells, or a stage that it owns: a fingerprint is of a device
    /// and a model together. Null: the arithmetic is not known; empty: nothing is.
    /// </summary>
    public IReadOnlyList<(int EngineRevision, string? Fingerprint)> ArithmeticOf(LiveSilo silo)
    {
        List<(int, string?)> owned =
        [
            .. (
                from facts in Others.Prepend(Facts)
                where facts.Spec.Recipe.Model == Facts.Spec.Recipe.Model
                from root in facts.Roots.Values
                where root.Owner?.Silo == silo.Silo && root.Identity is not null
                select (root.Identity!.EngineRevision, (string?)root.Identity.NumericsFingerprint)
            ).Distinct(),
        ];
        return owned.Count > 0 ? owned
            : Reports.TryGetValue(silo.Silo, out var report) ? [(report.EngineRevision, null)]
            : [];
    }

    private static async Task<IReadOnlyList<RunFacts>> OthersAsync(RunReader reader, string run, CancellationToken cancellationToken)
    {
        var names = await RunDocuments
            .ListRunsAsync(reader.Store, cancellationToken)
            .Where(name => name != run)
            .Take(MostOtherRuns)
            .ToListAsync(cancellationToken);
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

    private static async Task<IReadOnlyDictionary<string, SiloEnd>> EndsAsync(
        RunReader reader,
        RunFacts facts,
        CancellationToken cancellationToken
    )
    {
        var ends = new Dictionary<string, SiloEnd>();
        foreach (
            var silo in facts
                .Roots.Values.Select(root => root.Owner?.Silo)
                .OfType<string>()
                .Where(silo => !facts.AliveSilos.Contains(silo))
                .Distinct()
        )
        {
            if (await new SiloEnds(reader.Store).TryFindAsync(silo, cancellationToken) is { } end)
            {
                ends[silo] = end;
            }
        }

        return ends;
    }
}
