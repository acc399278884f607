using Microsoft.Extensions.Logging;
using Slowrun.Core;
using Slowrun.Core.Plan;
using Slowrun.Grains.Interfaces;
using Slowrun.Grains.Slots;
using Slowrun.Grains.Telemetry;

namespace Slowrun.Grains.Runs;

/// <summary>
/// How a silo's slot loop learns of runs: from the run grain, which reads them for all silos. Where that does not answer, this silo reads
/// the store itself, so that free slots always find work. For one caller.
/// </summary>
internal sealed partial class RunAsking(
    RunWatch watch,
    LocalWork local,
    OfferPace pace,
    SiloGauges gauges,
    IGrainFactory grains,
    ILocalSiloDetails silo,
    TimeProvider time,
    ILogger<RunAsking> log
)
{
    // The grain answers from memory; a reading of 480 roots that it must do first takes less. A silo that hangs answers nothing for ten
    // seconds.
    private static readonly TimeSpan Deadline = TimeSpan.FromSeconds(1);

    // A silo that hosted the grain is out of the cluster by then.
    private static readonly Backoff Silences = new(TimeSpan.FromSeconds(1), TimeSpan.FromSeconds(10));

    // So many silences in a row, 1 s and 2 s long, a silo without a free slot goes by what it knows.
    private const int Patience = 2;

    private readonly Dictionary<string, KnownRun> known = new(StringComparer.Ordinal);
    private readonly Dictionary<string, HashSet<string>> changed = new(StringComparer.Ordinal);
    private readonly Dictionary<string, (int Times, long At)> silent = new(StringComparer.Ordinal);
    private readonly string me = silo.SiloAddress.ToParsableString();

    private volatile bool silosGone;

    /// <summary>Asks no run grain, but reads the store: for the benchmark's comparison.</summary>
    public bool ReadsItself { get; init; }

    /// <summary>A silo has gone: run grains that did not answer live elsewhere now. May be called from any thread.</summary>
    public void SilosGone() => silosGone = true;

    /// <param name="free">How many pieces of work this silo could take.</param>
    /// <param name="notMine">Ready work that it leaves alone for now.</param>
    /// <param name="mended">Whether this silo has just mended documents of the run.</param>
    /// <returns>Null where there is no run of that name.</returns>
    /// <exception cref="InvalidDataException">The run cannot be read.</exception>
    public async Task<RunView?> LookAsync(
        string run,
        int free,
        Func<RunFacts, IReadOnlyList<string>> notMine,
        bool mended,
        CancellationToken stop
    )
    {
        if (silosGone)
        {
            silosGone = false;
            silent.Clear();
        }

        if (ReadsItself)
        {
            return await ReadAsync(run, mended, stop);
        }

        if (IsSilent(run))
        {
            return await InsteadAsync(run, free, mended, stop);
        }

        if (await TryAskAsync(run, free, notMine, mended, stop) is { Answered: true } first)
        {
            return first.View;
        }

        // All silos lost the grain at the same moment: they wait, so that they do not all read the store at once, nor before the grain may
        // have moved.
        await Task.Delay(watch.Spread(), time, stop);
        if (await TryAskAsync(run, free, notMine, mended, stop) is { Answered: true } second)
        {
            return second.View;
        }

        silent[run] = (silent.GetValueOrDefault(run).Times + 1, time.GetTimestamp());
        return await InsteadAsync(run, free, mended, stop);
    }

    /// <summary>Whether the run's grain did not answer, and is not asked for a while.</summary>
    public bool IsSilent(string run) => silent.TryGetValue(run, out var last) && time.GetElapsedTime(last.At) < Silences.After(last.Times);

    /// <summary>Checks at the same time which run grains answer: one after another, each silent one would cost a look two seconds. Nothing
    /// is handed out for it.</summary>
    public async Task ProbeAsync(IEnumerable<string> runs, CancellationToken stop)
    {
        var left = ReadsItself ? [] : runs.Where(run => !IsSilent(run)).ToList();
        left = await SilentOfAsync(left, stop);
        if (left.Count == 0)
        {
            return;
        }

        await Task.Delay(watch.Spread(), time, stop);
        foreach (var run in await SilentOfAsync(left, stop))
        {
            silent[run] = (silent.GetValueOrDefault(run).Times + 1, time.GetTimestamp());
        }
    }

    private async Task<List<string>> SilentOfAsync(IReadOnlyList<string> runs, CancellationToken stop)
    {
        var calls = runs.Select(run =>
            {
                var seen = known.TryGetValue(run, out var one) ? one : known[run] = new KnownRun();
                return (Run: run, Seen: seen, News: CallAsync(run, seen, free: 0, leave: [], mended: false, stop));
            })
            .ToList();
        var without = new List<string>();
        foreach (var (run, seen, call) in calls)
        {
            try
            {
                if (await call is { } news)
                {
                    seen.Take(news);
                }
                else
                {
                    known.Remove(run);
                }

                changed.Remove(run);
                silent.Remove(run);
            }
            catch (Exception e) when (!stop.IsCancellationRequested)
            {
                if (e is InvalidOperationException)
                {
                    known.Remove(run);
                }

                LogSilent(log, run, e.Message);
                without.Add(run);
            }
        }

        return without;
    }

    /// <summary>What the silo uses instead of an answer: one without a free slot can wait.</summary>
    private async Task<RunView?> InsteadAsync(string run, int free, bool mended, CancellationToken stop) =>
        free == 0 && !mended && known.TryGetValue(run, out var seen) && seen.Version is not null && silent[run].Times <= Patience
            ? new RunView(await watch.JudgedAsync(seen.Facts(watch.AliveSilos()), stop), Handed: new HashSet<string>()) { IsOld = true }
            : await ReadAsync(run, mended, stop);

    private async Task<(bool Answered, RunView? View)> TryAskAsync(
        string run,
        int free,
        Func<RunFacts, IReadOnlyList<string>> notMine,
        bool mended,
        CancellationToken stop
    )
    {
        try
        {
            var view = await AskAsync(run, free, notMine, mended, stop);
            silent.Remove(run);
            return (true, view);
        }
        catch (Exception e) when (!stop.IsCancellationRequested)
        {
            // A failure there (a store that only that silo cannot reach, a document that only a newer version can read) need not apply
            // here.
            if (e is InvalidOperationException)
            {
                // The answer does not fit what is known; the next one begins anew.
                known.Remove(run);
            }

            LogSilent(log, run, e.Message);
            return (false, null);
        }
    }

    private async Task<RunView?> ReadAsync(string run, bool mended, CancellationToken stop)
    {
        var facts = mended ? await watch.ReadAsync(run, isStill: null, stop) : await watch.GlanceAsync(run, isStill: null, stop);
        if (facts is null)
        {
            return null;
        }

        gauges.Look(facts);
        return new RunView(facts);
    }

    private async Task<RunView?> AskAsync(
        string run,
        int free,
        Func<RunFacts, IReadOnlyList<string>> notMine,
        bool mended,
        CancellationToken stop
    )
    {
        var seen = known.TryGetValue(run, out var one) ? one : known[run] = new KnownRun();
        var leave = seen.Version is null ? [] : notMine(await watch.JudgedAsync(seen.Facts(watch.AliveSilos()), stop));
        var refused = new HashSet<string>(StringComparer.Ordinal);
        while (true)
        {
            if (await NewsAsync(run, seen, free, leave, mended, stop) is not { } news)
            {
                known.Remove(run);
                return null;
            }

            var facts = await watch.JudgedAsync(seen.Facts(watch.AliveSilos()), stop);
            if (NotReady(facts, news.Handed).Count > 0 && news.MembershipVersion > watch.MembershipVersion)
            {
                // The reader has a newer view of the membership, in which an owner is gone.
                await watch.SeeMembershipAsync(news.MembershipVersion);
                facts = await watch.JudgedAsync(seen.Facts(watch.AliveSilos()), stop);
            }

            if (news.Silo != me && seen.IsOfANewerVersion)
            {
                // Newer than the reader's version, perhaps not than this silo's.
                return await ReadAsync(run, mended, stop);
            }

            if (news.Silo != me)
            {
                gauges.Leave(run, Readiness.IsOver(Readiness.StateOf(facts)));
            }

            var before = leave;
            refused.UnionWith(NotReady(facts, news.Handed));
            leave = [.. notMine(facts), .. refused];
            // Work that was handed for the first time may not suit this silo, or not be ready in its view of the cluster: then it says so,
            // is handed other work, and other silos are handed this.
            if (!news.Handed.Intersect(leave, StringComparer.Ordinal).Any() || leave.Count <= before.Count)
            {
                return new RunView(facts, news.Handed.ToHashSet(StringComparer.Ordinal), news.Waiting);
            }
        }
    }

    private static List<string> NotReady(RunFacts facts, IReadOnlyList<string> handed) =>
        handed.Count == 0 ? [] : [.. handed.Except(WorkOrder.Of([facts]).Select(work => work.Name), StringComparer.Ordinal)];

    private async Task<RunNews?> NewsAsync(
        string run,
        KnownRun seen,
        int free,
        IReadOnlyList<string> leave,
        bool mended,
        CancellationToken stop
    )
    {
        var news = await CallAsync(run, seen, free, leave, mended, stop);
        changed.Remove(run);
        if (news is null)
        {
            return null;
        }

        seen.Take(news);
        return news;
    }

    private async Task<RunNews?> CallAsync(
        string run,
        KnownRun seen,
        int free,
        IReadOnlyList<string> leave,
        bool mended,
        CancellationToken stop
    )
    {
        foreach (var work in pace.Changes())
        {
            (
                changed.TryGetValue(WorkName.RunOf(work), out var names)
                    ? names
                    : changed[WorkName.RunOf(work)] = new(StringComparer.Ordinal)
            ).Add(work);
        }

        var told = changed.GetValueOrDefault(run);
        return await grains
            .GetGrain<IRunGrain>(run)
            .Look(
                new RunQuestion(me, free)
                {
                    Has = seen.Version,
                    MembershipVersion = watch.MembershipVersion,
                    Bell = watch.Bell,
                    Changed = told is null ? [] : [.. told],
                    Mended = mended,
                    NotMine = leave,
                    AtWork = [.. local.Names.Where(work => WorkName.RunOf(work) == run)],
                    Stops = local.Stops,
                }
            )
            .WaitAsync(Deadline, time, stop);
    }

    [LoggerMessage(Level = LogLevel.Debug, Message = "The run grain of {Run} did not answer ({Reason}); this silo reads the store.")]
    private static partial void LogSilent(ILogger logger, string run, string reason);
}
