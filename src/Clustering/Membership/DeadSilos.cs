using System.Globalization;
using System.Net;
using Slowrun.Storage;

namespace Slowrun.Clustering.Membership;

/// <summary>
/// Marks silos dead that cannot be alive. Before a silo joins: Orleans would first try to reach each of them, and so take 14 s (with its
/// default options 106 s) to start on another port after the whole cluster was killed. And in a fleet so small that two votes are not
/// possible after the loss of most silos. A silo marked dead that is still alive finds itself dead in the table and stops; its stages are
/// fenced by their epoch tokens anyway.
/// </summary>
public sealed class DeadSilos
{
    /// <summary>Two heartbeats of 7.5 s: how long a halted process of this machine must have been silent to count as dead.</summary>
    public static readonly TimeSpan StaleAfter = TimeSpan.FromSeconds(15);

    // A refusal takes a round trip.
    private static readonly TimeSpan RefusalTime = TimeSpan.FromSeconds(0.1);

    // Of any two machines of a fleet, and more.
    private static readonly TimeSpan RoundTrip = TimeSpan.FromSeconds(0.25);

    // From the question on: the second that it takes, and two looks.
    private static readonly TimeSpan SilenceHolds = SiloPort.AnswerTimeout + TimeSpan.FromSeconds(1);

    private readonly ISiloRows rows;
    private readonly IHeartbeats heartbeats;
    private readonly TimeProvider time;
    private readonly Func<IPEndPoint, CancellationToken, Task<PortAnswer>> ask;

    // The last question to each silo's port, and the sign of life that it had then.
    private readonly Dictionary<string, (DateTime Sign, long Began, Task<PortAnswer> Answer)> asked = new(StringComparer.Ordinal);

    /// <param name="ask">Tries a port; null: connects to it.</param>
    public DeadSilos(IObjectStore store, TimeProvider? time = null, Func<IPEndPoint, CancellationToken, Task<PortAnswer>>? ask = null)
    {
        this.time = time ?? TimeProvider.System;
        var watch = new HeartbeatWatch(this.time);
        (rows, heartbeats) = (new MembershipFile(store, watch: watch), watch);
        this.ask = ask ?? SiloPort.AskAsync;
    }

    /// <param name="rows">Report to <paramref name="heartbeats"/> what they read and write.</param>
    internal DeadSilos(
        ISiloRows rows,
        IHeartbeats heartbeats,
        TimeProvider time,
        Func<IPEndPoint, CancellationToken, Task<PortAnswer>>? ask = null
    ) => (this.rows, this.heartbeats, this.time, this.ask) = (rows, heartbeats, time, ask ?? SiloPort.AskAsync);

    /// <summary>Whether a port that refuses connections shortens the allowance for a late heartbeat. Not for a silo that is joining, which
    /// was never connected: it may itself stand behind what refuses.</summary>
    public bool HeedsRefusals { get; set; } = true;

    /// <inheritdoc cref="BuryAsync(IReadOnlySet{string}, CancellationToken)"/>
    public Task<IReadOnlyList<BuriedSilo>> BuryAsync(CancellationToken cancellationToken = default) =>
        BuryAsync(only: null, cancellationToken);

    /// <summary>
    /// The silos to check: processes of this machine that are gone, and silos whose promised heartbeat is late. By the document as last
    /// read, so that this costs the store nothing.
    /// </summary>
    internal IReadOnlySet<string> Doubtful =>
        (rows.LastRead?.Rows ?? [])
            .Where(row => IsListed(row) && (row.Process?.IsGone() is true || heartbeats.IsOverdue(row)))
            .Select(row => row.Silo)
            .ToHashSet(StringComparer.Ordinal);

    /// <summary>
    /// Marks silos that are certainly dead: a silo of this machine whose process is gone, and one of another machine whose heartbeat has
    /// stopped although it could have been written, and whose port does not answer; sooner where its port refuses connections. The latter
    /// takes calls about a second apart on the same object.
    /// </summary>
    /// <param name="only">The silos to check; null: all.</param>
    public async Task<IReadOnlyList<BuriedSilo>> BuryAsync(IReadOnlySet<string>? only, CancellationToken cancellationToken)
    {
        var document = await rows.ReadAsync(cancellationToken).ConfigureAwait(false);
        var judged = document.Rows.Where(row => IsListed(row) && only?.Contains(row.Silo) is not false).ToList();
        if (judged.Any(row => row.Process != ProcessIdentity.Current))
        {
            await rows.ProveWritableAsync(cancellationToken).ConfigureAwait(false);
        }

        var verdicts = await Task.WhenAll(
                judged.Select(async row => (Row: row, Reason: await JudgeAsync(row, cancellationToken).ConfigureAwait(false)))
            )
            .ConfigureAwait(false);
        var dead = verdicts.Where(verdict => verdict.Reason is not null).ToDictionary(verdict => verdict.Row.Silo);
        if (dead.Count == 0)
        {
            return [];
        }

        var buried = await rows.DeclareDeadAsync([.. dead.Values.Select(verdict => verdict.Row)], cancellationToken).ConfigureAwait(false);
        return [.. buried.Select(row => new BuriedSilo(row.Silo, row.SiloName, dead[row.Silo].Reason!))];
    }

    /// <returns>Why the silo is dead; null where it may live.</returns>
    private async Task<string?> JudgeAsync(MembershipRow row, CancellationToken cancellationToken)
    {
        var still = heartbeats.StillFor(row);
        if (row.Process is { IsOfThisMachine: true } process)
        {
            var id = process.ProcessId.ToString(CultureInfo.InvariantCulture);
            var byClock = time.GetUtcNow().UtcDateTime - row.LastSign;
            var silence = byClock > still ? byClock : still;
            return process.IsGone() ? $"its process {id} on this machine is gone"
                : silence >= StaleAfter && process.IsHalted()
                    ? $"its process {id} on this machine was halted, {Seconds(silence)} s ago or more"
                : null;
        }

        if (still < heartbeats.PatienceWithRefused(row))
        {
            return null;
        }

        // A refusal is no proof by itself, for a firewall refuses too; nor is a heartbeat that is a little late. Of a living silo both at
        // once are as unlikely as silence for the whole of its patience.
        var answer = await AnswerAsync(row, mustKnow: still >= heartbeats.Patience(row), cancellationToken).ConfigureAwait(false);
        return answer == PortAnswer.Refuses && row.Status == SiloStatus.Active && HeedsRefusals
                ? $"it is of another machine, gave no sign of life for {Seconds(still)} s in which the store could be read and written, and {row.Address.Endpoint} refuses connections"
            : answer is PortAnswer.Refuses or PortAnswer.Silent && still >= heartbeats.Patience(row)
                ? $"it is of another machine, gave no sign of life for {Seconds(still)} s in which the store could be read and written, and {row.Address.Endpoint} does not answer"
            : null;
    }

    /// <summary>Asks the row's port. A refusal comes at once; what says nothing is waited for only where that decides.</summary>
    /// <returns>Null: not known yet.</returns>
    private async Task<PortAnswer?> AnswerAsync(MembershipRow row, bool mustKnow, CancellationToken cancellationToken)
    {
        var before = asked.GetValueOrDefault(row.Silo).Answer;
        var answer = Question(row, cancellationToken);
        if (mustKnow && answer == before && answer.IsCompleted)
        {
            // It said nothing a moment ago. One that is back since then answers within a round trip, and lives.
            var again = ask(row.Address.Endpoint, cancellationToken);
            await Task.WhenAny(again, Task.Delay(RoundTrip, time, cancellationToken)).ConfigureAwait(false);
            return again.IsCompleted ? await again.ConfigureAwait(false) : PortAnswer.Silent;
        }

        if (!mustKnow)
        {
            await Task.WhenAny(answer, Task.Delay(RefusalTime, time, cancellationToken)).ConfigureAwait(false);
            if (!answer.IsCompleted)
            {
                return null;
            }
        }

        return await answer.ConfigureAwait(false);
    }

    /// <summary>
    /// Asks a port, unless a question to it is under way, or it has said nothing to one a moment ago: whoever's heartbeat is late is asked
    /// beside the next looks, so that a port's silence, which takes a second to tell, is known when the silo's patience is over.
    /// </summary>
    private Task<PortAnswer> Question(MembershipRow row, CancellationToken cancellationToken)
    {
        if (
            asked.TryGetValue(row.Silo, out var last)
            && last.Sign == row.LastSign
            && (
                !last.Answer.IsCompleted
                || (
                    last.Answer is { IsCompletedSuccessfully: true, Result: PortAnswer.Silent }
                    && time.GetElapsedTime(last.Began) < SilenceHolds
                )
            )
        )
        {
            return last.Answer;
        }

        var answer = ask(row.Address.Endpoint, cancellationToken);
        asked[row.Silo] = (row.LastSign, time.GetTimestamp(), answer);
        return answer;
    }

    private static bool IsListed(MembershipRow row) => row.Status is not (SiloStatus.Dead or SiloStatus.None);

    private static string Seconds(TimeSpan silence) => silence.TotalSeconds.ToString("F0", CultureInfo.InvariantCulture);
}
