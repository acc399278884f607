using Slowrun.Clustering.Membership;
using Slowrun.Core;
using Slowrun.Core.Notices;
using Slowrun.Core.Plan;
using Slowrun.Core.Stages;
using Slowrun.Core.Status;
using Slowrun.Grains.Interfaces;
using Slowrun.Reading.Runs;
using Slowrun.Storage.Runs;

namespace Slowrun.Reading.Explain;

/// <summary>The input of an explanation: the run, its silos, and the other runs of the store.</summary>
public sealed record ExplainContext
{
    private const int MostOtherRuns = 30;
    private const int NewestEvents = 200;

    public required RunFacts Facts { get; init; }

    /// <summary>The store's address, for commands to copy.</summary>
    public required string Store { get; init; }

    public required DateTimeOffset Now { get; init; }

    public IReadOnlyList<LiveSilo> Silos { get; init; } = [];

    /// <summary>Other runs of the store, which compete for the same slots.</summary>
    public IReadOnlyList<RunFacts> Others { get; init; } = [];

    /// <summary>The run's newest, in the order of their times.</summary>
    public IReadOnlyList<RunEvent> Events { get; init; } = [];

    /// <summary>How silos ended that owned a stage, where that was recorded.</summary>
    public IReadOnlyDictionary<string, SiloEnd> Ends { get; init; } = new Dictionary<string, SiloEnd>();

    /// <summary>The reports of the silos that answered, by address.</summary>
    public IReadOnlyDictionary<string, SiloReport> Reports { get; init; } = new Dictionary<string, SiloReport>();

    /// <summary>Failures and delays that living silos see at the store, from their reports or their last progress.</summary>
    public IReadOnlyList<SiloTrouble> StoreTroubles =>
        SiloTrouble.Joined(
            SiloTrouble.Of(Facts),
            Reports.Values.SelectMany(report => report.StoreTroubles.Select(trouble => new SiloTrouble(report.Name, trouble)))
        ) ?? [];

    /// <summary>Why the run's data cannot be used; null: it can.</summary>
    public string? DataProblem { get; init; }

    /// <summary>Other inputs of unfinished stages that are missing, by stage.</summary>
    public IReadOnlyDictionary<StageId, string> Missing { get; init; } = new Dictionary<StageId, string>();

    /// <summary>What its user is to be told; read only where there are receivers.</summary>
    public IReadOnlyList<NoticeDocument> Notices { get; init; } = [];

    public string Run => Facts.Spec.Name;

    /// <param name="ask">Asks silos for their reports.</param>
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
        var notices = facts.Spec.Operations.Notify is { Count: > 0 }
            ? new RunNotices(reader.Store, run).ListAsync(cancellationToken)
            : null;
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
            Notices = notices is null ? [] : await notices,
            Missing = await inputs,
            Reports = (await reports).DistinctBy(report => report.Silo).ToDictionary(report => report.Silo),
        };
    }

    /// <summary>The last event of one of these kinds about a stage; null: there was none lately.</summary>
    public RunEvent? Last(StageId id, params string[] kinds) =>
        Events.LastOrDefault(happened => happened.Stage == id.ToString() && kinds.Contains(happened.Kind, StringComparer.Ordinal));

    /// <summary>The work of a silo, over all runs.</summary>
    public IReadOnlyList<string> WorkOf(LiveSilo silo) =>
        [
            .. from facts in Others.Prepend(Facts)
            from root in facts.Roots
            where root.Value.Owner?.Silo == silo.Silo
            select $"{facts.Spec.Name}/{root.Key} on {string.Join(' ', root.Value.Owner!.Slots)}",
        ];

    /// <summary>Slots of a silo on which nothing trains, over all runs; null where it does not report its slots. (Scoring a member uses one
    /// only briefly.)</summary>
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
    /// The engine revisions and fingerprints of a silo, from its report or from a stage that it owns; a fingerprint belongs to a device and
    /// a model together. A null fingerprint: it is not known. Empty: nothing is known.
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
                // Another run's damage does not affect this run: silos leave that run alone.
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
