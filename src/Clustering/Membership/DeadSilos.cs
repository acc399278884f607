using System.Globalization;
using System.Net;
using Slowrun.Storage;

namespace Slowrun.Clustering.Membership;

/// <summary>
/// Marks silos dead that cannot be alive, before a silo joins: Orleans would first try to reach each of them, and so take 14 s (with its
/// default options 106 s) to start on another port after the whole cluster was killed. A silo marked dead that lives after all finds
/// itself dead in the table and stops; its stages are fenced by their epoch tokens anyway.
/// </summary>
/// <param name="answers">Whether something accepts connections there; null: tries to connect.</param>
public sealed class DeadSilos(IObjectStore store, TimeProvider? time = null, Func<IPEndPoint, CancellationToken, Task<bool>>? answers = null)
{
    /// <summary>
    /// Two heartbeats of 7.5 s. A silo of another machine without a sign of life for so long, and without an answer, is dead: so a cluster
    /// that vanished whole is replaced within 20 s.
    /// </summary>
    public static readonly TimeSpan StaleAfter = TimeSpan.FromSeconds(15);

    private readonly MembershipFile file = new(store);
    private readonly TimeProvider time = time ?? TimeProvider.System;
    private readonly Func<IPEndPoint, CancellationToken, Task<bool>> answers = answers ?? SiloPort.AnswersAsync;

    // The last sign of life seen of each silo, and when it was seen first, by this machine's steady clock.
    private readonly Dictionary<string, (DateTime Sign, long Since)> seen = [];

    /// <summary>Buries who is dead now. Called again on the same object, it also notices heartbeats that stand still whatever the clocks say.</summary>
    public async Task<IReadOnlyList<BuriedSilo>> BuryAsync(CancellationToken cancellationToken = default)
    {
        var document = await file.ReadAsync(cancellationToken).ConfigureAwait(false);
        var verdicts = await Task.WhenAll(document.Rows.Select(async row => (Row: row, Reason: await JudgeAsync(row, cancellationToken).ConfigureAwait(false))))
            .ConfigureAwait(false);
        var dead = verdicts.Where(verdict => verdict.Reason is not null).ToDictionary(verdict => verdict.Row.Silo);
        if (dead.Count == 0)
        {
            return [];
        }

        var writeId = Guid.NewGuid().ToString("N");
        IReadOnlyList<MembershipRow> buried = [];
        await file.ChangeAsync(
            current =>
            {
                // Who has been heard of since it was judged is spared.
                bool IsDead(MembershipRow row) => dead.TryGetValue(row.Silo, out var verdict) && row.Status != SiloStatus.Dead && row.LastSign == verdict.Row.LastSign;
                buried = [.. current.Rows.Where(row => IsDead(row) || row.ETag == writeId)];
                return !current.Rows.Any(IsDead)
                    ? current
                    : current with
                    {
                        Version = current.Version + 1,
                        WriteId = writeId,
                        Rows = [.. current.Rows.Select(row => IsDead(row) ? row with { Status = SiloStatus.Dead, ETag = writeId } : row)],
                    };
            },
            cancellationToken).ConfigureAwait(false);
        return [.. buried.Select(row => new BuriedSilo(row.Silo, row.SiloName, dead[row.Silo].Reason!))];
    }

    /// <returns>Why the silo is dead; null where it may live.</returns>
    private async Task<string?> JudgeAsync(MembershipRow row, CancellationToken cancellationToken)
    {
        if (row.Status is SiloStatus.Dead or SiloStatus.None)
        {
            return null;
        }

        var silence = Silence(row);
        if (row.Process is { IsOfThisMachine: true } process)
        {
            var id = process.ProcessId.ToString(CultureInfo.InvariantCulture);
            return process.IsGone() ? $"its process {id} on this machine is gone"
                : silence >= StaleAfter && process.IsHalted() ? $"its process {id} on this machine was halted, {Seconds(silence)} s ago or more"
                : null;
        }

        // Silence alone is no proof: this machine's clock, or the other's, may be wrong by an hour.
        return silence >= StaleAfter && !await answers(row.Address.Endpoint, cancellationToken).ConfigureAwait(false)
            ? $"it is of another machine, gave no sign of life for {Seconds(silence)} s, and {row.Address.Endpoint} does not answer"
            : null;
    }

    /// <summary>For how long the silo gave no sign of life: by the clocks, or as long as this object has watched, whichever is longer.</summary>
    private TimeSpan Silence(MembershipRow row)
    {
        lock (seen)
        {
            if (!seen.TryGetValue(row.Silo, out var last) || last.Sign != row.LastSign)
            {
                seen[row.Silo] = last = (row.LastSign, time.GetTimestamp());
            }

            var byClock = time.GetUtcNow().UtcDateTime - row.LastSign;
            var watched = time.GetElapsedTime(last.Since);
            return byClock > watched ? byClock : watched;
        }
    }

    private static string Seconds(TimeSpan silence) => silence.TotalSeconds.ToString("F0", CultureInfo.InvariantCulture);
}
