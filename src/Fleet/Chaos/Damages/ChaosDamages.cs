using System.Globalization;
using Slowrun.Core.Plan;
using Slowrun.Core.Randomness;
using Slowrun.Core.Stages;
using Slowrun.Fleet.Chaos.Plans;
using Slowrun.Storage;
using Slowrun.Storage.Runs;

namespace Slowrun.Fleet.Chaos.Damages;

/// <summary>
/// Damages a run's objects at moments that the seed gives, and records how each damage ends: it heals, it is refused with the object's
/// name, or it is not read. After a refusal the object is put back, so that the run can go on.
/// </summary>
internal sealed class ChaosDamages
{
    private const int LongestGapMilliseconds = 1500;

    // Several damages may be open at once; with more, an effect could not be attributed to one of them.
    private const int MostOpen = 4;

    private static readonly TimeSpan Look = TimeSpan.FromMilliseconds(400);

    // A silo that finds a damaged document looks at it again within a few rounds of its loop, and repairs it where it can.
    private static readonly TimeSpan HealsWithin = TimeSpan.FromSeconds(6);

    // Longer than any of a silo's pauses between two looks at what may have become whole.
    private static readonly TimeSpan UnreadFor = TimeSpan.FromSeconds(15);

    // Twice the longest recovery of a fleet that loses its machines too.
    private static readonly TimeSpan HangsAfter = TimeSpan.FromMinutes(2);

    private readonly DamageMaker maker;
    private readonly RunEvents events;
    private readonly Queue<Disturbance> plan;
    private readonly int seed;
    private readonly TimeProvider time;
    private readonly Action<string> tell;
    private readonly long begunAt;
    private readonly HashSet<string> seen = new(StringComparer.Ordinal);
    private readonly List<Damage> all = [];
    private readonly DateTimeOffset begun;
    private long lookedAt;
    private long nextAt;
    private long progressAt;
    private long progress = -1;

    public ChaosDamages(
        DamageMaker maker,
        IObjectStore store,
        string run,
        IEnumerable<Disturbance> plan,
        int seed,
        TimeProvider time,
        Action<string> tell
    )
    {
        (this.maker, this.seed, this.time, this.tell) = (maker, seed, time, tell);
        events = new RunEvents(store, run);
        this.plan = new Queue<Disturbance>(plan);
        begun = time.GetUtcNow();
        begunAt = lookedAt = nextAt = progressAt = time.GetTimestamp();
    }

    /// <summary>What was done, in order.</summary>
    public IReadOnlyList<Damage> Done => all;

    private IEnumerable<Damage> Open => all.Where(one => one.Outcome == DamageOutcome.Open);

    /// <summary>Updates the open damages, and makes the next one when it is due.</summary>
    /// <param name="facts">The run's, read a moment ago.</param>
    public async Task LookAsync(RunFacts facts, CancellationToken stop)
    {
        if (facts.Committed != progress)
        {
            (progress, progressAt) = (facts.Committed, time.GetTimestamp());
        }

        // What a status shows, with what to do.
        foreach (var shown in facts.Damage)
        {
            Open.FirstOrDefault(one => one.Told is null && one.Objects.Any(damaged => damaged.Name == shown.Name))?.Told =
                $"status: {shown.Why} {shown.Advice}";
        }

        if (time.GetElapsedTime(lookedAt) < Look)
        {
            return;
        }

        lookedAt = time.GetTimestamp();
        await maker.RememberAsync(stop);
        if (Open.Any())
        {
            await FollowAsync(stop);
        }

        if (
            plan.TryPeek(out var next)
            && IsDue(next)
            && await maker.MakeAsync(
                next.Number,
                Open.SelectMany(one => one.Objects).Select(one => one.Name).ToHashSet(StringComparer.Ordinal),
                Age,
                time.GetUtcNow(),
                stop
            )
                is { } damage
        )
        {
            plan.Dequeue();
            all.Add(damage);
            nextAt =
                time.GetTimestamp()
                + (long)((int)(Seeds.Derive(seed, "damage gap", next.Number) % LongestGapMilliseconds) / 1000.0 * time.TimestampFrequency);
            tell($"{damage.Number}: {Word(damage.Form)} of {string.Join(" and ", damage.Objects.Select(one => one.Name))} ({damage.Kind})");
        }
    }

    /// <summary>A reading was refused; what it names is put back.</summary>
    /// <returns>Whether it names anything that was damaged.</returns>
    public async Task<bool> ToldAsync(string message, CancellationToken stop)
    {
        var named = Open.Where(one => one.IsNamedIn(message)).ToList();
        foreach (var one in named)
        {
            await EndAsync(one, DamageOutcome.Refused, message, stop);
        }

        return named.Count > 0;
    }

    /// <summary>The run is over: puts back what was not read.</summary>
    public async Task EndAsync(CancellationToken stop)
    {
        await FollowAsync(stop);
        foreach (var one in Open.ToList())
        {
            await EndAsync(one, DamageOutcome.Unread, one.Told, stop);
        }
    }

    private double Age => Math.Round(time.GetElapsedTime(begunAt).TotalSeconds, 3);

    private bool IsDue(Disturbance next) => next.AtSeconds is { } at ? Age >= at : Open.Count() < MostOpen && time.GetTimestamp() >= nextAt;

    private async Task FollowAsync(CancellationToken stop)
    {
        await foreach (var happened in events.ListAsync(seen, begun.AddSeconds(-1), cancellationToken: stop))
        {
            foreach (var one in Open.Where(one => happened.At >= one.At.AddSeconds(-1) && one.IsNamedIn(happened.Message)).ToList())
            {
                one.Told = $"{happened.Kind}: {happened.Message}";
                if (!IsRefusal(happened.Kind))
                {
                    await EndAsync(one, DamageOutcome.Healed, one.Told, stop, putBack: false);
                }
            }
        }

        foreach (var one in Open.ToList())
        {
            await FollowAsync(one, stop);
        }
    }

    private async Task FollowAsync(Damage one, CancellationToken stop)
    {
        var (gone, bad) = (0, 0);
        foreach (var damaged in one.Objects)
        {
            var now = await damaged.Place.TryReadAsync(damaged.Name, stop);
            gone += now is null && damaged.Bad is not null ? 1 : 0;
            bad += damaged.Bad is null ? (now is null ? 1 : 0) : (now is not null && now.AsSpan().SequenceEqual(damaged.Bad) ? 1 : 0);
        }

        var waited = time.GetUtcNow() - one.At;
        if (bad == 0 && gone == 0)
        {
            await EndAsync(one, DamageOutcome.Healed, one.Told ?? "It was written again.", stop, putBack: false);
        }
        else if (gone > 0 && ObjectKind.IsSwept(one.Kind))
        {
            await EndAsync(one, DamageOutcome.Unread, "It was swept: newer checkpoints have taken its place.", stop);
        }
        else if (one.Told is not null && (waited > HealsWithin || !HealsByItself(one.Kind)))
        {
            await EndAsync(one, DamageOutcome.Refused, one.Told, stop);
        }
        else if (one.Told is null && waited > UnreadFor && time.GetElapsedTime(progressAt) < waited)
        {
            await EndAsync(one, DamageOutcome.Unread, null, stop);
        }
        else if (waited > HangsAfter && time.GetElapsedTime(progressAt) > HangsAfter)
        {
            await EndAsync(one, DamageOutcome.Hang, null, stop);
        }
    }

    private async Task EndAsync(Damage one, DamageOutcome outcome, string? told, CancellationToken stop, bool putBack = true)
    {
        (one.Outcome, one.Told, one.Seconds) = (outcome, told, Math.Round((time.GetUtcNow() - one.At).TotalSeconds, 3));
        foreach (var damaged in putBack ? one.Objects : [])
        {
            await damaged.Place.PutBackAsync(damaged, stop);
        }

        tell(
            string.Create(
                CultureInfo.InvariantCulture,
                $"{one.Number}: {Word(outcome)} after {one.Seconds:F1} s{(told is null ? "" : $": {told}")}"
            )
        );
    }

    /// <summary>Whether an event of this kind reports a refusal, rather than a repair.</summary>
    private static bool IsRefusal(string kind) =>
        kind is EventKind.TakeRefused or EventKind.ScoringFailed or EventKind.StageError or EventKind.StageFailed or EventKind.EventDamaged;

    /// <summary>Kept twice, or computed again.</summary>
    private static bool HealsByItself(string kind) =>
        kind is "spec" or "operations" or "intent" or "root" or "score" or "vector" or "ensemble";

    private static string Word(Enum value) => value.ToString().ToLowerInvariant();
}
