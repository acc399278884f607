using Microsoft.Extensions.Logging;
using Slowrun.Core;
using Slowrun.Core.Plan;
using Slowrun.Grains.Interfaces;
using Slowrun.Grains.Slots;
using Slowrun.Grains.Telemetry;

namespace Slowrun.Grains.Runs;

/// <summary>
/// How a silo's slot loop learns of runs: from the run grain, which reads them for all silos. Where that does not answer, this silo reads
/// the store itself, so that free slots find work whatever else fails. For one caller.
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

    /// <summary>Asks no run grain: what the bench compares with.</summary>
    public bool ReadsItself { get; init; }

    /// <summary>A silo has gone: run grains that did not answer live elsewhere now. May be called by anybody.</summary>
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

        if (silent.TryGetValue(run, out var last) && time.GetElapsedTime(last.At) < Silences.After(last.Times))
        {
            return await InsteadAsync(run, free, mended, stop);
        }

        if (await TryAskAsync(run, free, notMine, mended, stop) is { Answered: true } first)
        {
            return first.View;
        }

        // Everybody lost the grain at the same moment: not all at once to the store, nor before it may have found another silo.
        await Task.Delay(watch.Spread(), time, stop);
        if (await TryAskAsync(run, free, notMine, mended, stop) is { Answered: true } second)
        {
            return second.View;
        }

        silent[run] = (last.Times + 1, time.GetTimestamp());
        return await InsteadAsync(run, free, mended, stop);
    }

    /// <summary>What a silo does whose question is not answered: one without a free slot can wait.</summary>
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
            // Whatever is wrong there (a store that only that silo does not reach, a document that only a newer version can read) is no
            // reason to find nothing here.
            if (e is InvalidOperationException)
            {
                // It told something that does not fit; told anew, it does.
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
        while (true)
        {
            if (await NewsAsync(run, seen, free, leave, mended, stop) is not { } news)
            {
                known.Remove(run);
                return null;
            }

            var facts = await watch.JudgedAsync(seen.Facts(watch.AliveSilos()), stop);
            if (news.Silo != me && seen.IsOfANewerVersion)
            {
                // Than the reader's, perhaps not than this one's.
                return await ReadAsync(run, mended, stop);
            }

            if (news.Silo != me)
            {
                gauges.Leave(run, Readiness.IsOver(Readiness.StateOf(facts)));
            }

            var before = leave;
            leave = notMine(facts);
            // What was handed for the first time may be nothing that this silo can do: it says so, and is handed something else.
            if (!news.Handed.Intersect(leave, StringComparer.Ordinal).Any() || leave.Count <= before.Count)
            {
                return new RunView(facts, news.Handed.ToHashSet(StringComparer.Ordinal), news.Waiting);
            }
        }
    }

    private async Task<RunNews?> NewsAsync(
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
        var news = await grains
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
                }
            )
            .WaitAsync(Deadline, time, stop);
        changed.Remove(run);
        if (news is null)
        {
            return null;
        }

        seen.Take(news);
        return news;
    }

    [LoggerMessage(Level = LogLevel.Debug, Message = "The run grain of {Run} did not answer ({Reason}); this silo reads the store.")]
    private static partial void LogSilent(ILogger logger, string run, string reason);
}
