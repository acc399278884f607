using System.Net;
using Microsoft.Extensions.Logging;
using Slowrun.Clustering.Membership;

namespace Slowrun.Clustering.Hosting;

/// <summary>
/// Delays a joining silo until every member answers, or is no longer a member. Orleans asks them all before it lets a silo in, which takes
/// seconds per try where one does not answer, although that one may be marked dead a moment later. <see cref="Burial"/> reads the table
/// twice a second meanwhile, so that this costs the store one read where a silo did not answer, and otherwise nothing.
/// </summary>
/// <param name="answers">Whether something accepts connections there.</param>
internal sealed partial class ReachedBeforeJoin(
    ISiloRows rows,
    SiloAddress own,
    IClusterMembershipService membership,
    TimeProvider time,
    Func<IPEndPoint, CancellationToken, Task<bool>> answers,
    ILogger<ReachedBeforeJoin> log
) : ILifecycleParticipant<ISiloLifecycle>
{
    private static readonly TimeSpan Look = TimeSpan.FromSeconds(0.1);

    // Longer than it takes to mark any silo dead. After that Orleans asks, and reports what it misses.
    private static readonly TimeSpan Longest = TimeSpan.FromSeconds(20);

    public void Participate(ISiloLifecycle lifecycle) =>
        lifecycle.Subscribe(
            nameof(ReachedBeforeJoin),
            ServiceLifecycleStage.ValidateInitialConnectivity - 1,
            async start =>
            {
                if (await WaitAsync(start))
                {
                    await membership.Refresh(cancellationToken: start);
                }
            }
        );

    /// <returns>Whether it had to wait.</returns>
    internal async Task<bool> WaitAsync(CancellationToken cancellationToken)
    {
        var began = time.GetTimestamp();
        using var ending = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        var asked = new Dictionary<string, Task<bool>>(StringComparer.Ordinal);
        try
        {
            for (var isFirst = true; ; isFirst = false)
            {
                var missing = Members().Where(row => !Answered(row)).ToList();
                foreach (var row in missing.Where(row => !asked.TryGetValue(row.Silo, out var ask) || ask.IsCompleted))
                {
                    asked[row.Silo] = answers(row.Address.Endpoint, ending.Token);
                }

                await Task.WhenAny(Task.WhenAll(missing.Select(row => asked[row.Silo])), Task.Delay(Look, time, cancellationToken));
                if (Members().All(Answered))
                {
                    return !isFirst;
                }

                if (time.GetElapsedTime(began) >= Longest)
                {
                    return true;
                }

                if (isFirst)
                {
                    LogWaits(log, string.Join(", ", Members().Where(row => !Answered(row)).Select(row => row.SiloName)));
                }

                // One that refuses does so at once.
                await Task.Delay(Look, time, cancellationToken);
            }
        }
        finally
        {
            await ending.CancelAsync();
            await ((Task)Task.WhenAll(asked.Values)).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }

        bool Answered(MembershipRow row) => asked.TryGetValue(row.Silo, out var ask) && ask.IsCompletedSuccessfully && ask.Result;
    }

    private IEnumerable<MembershipRow> Members() =>
        (rows.LastRead?.Rows ?? []).Where(row => row.Status == SiloStatus.Active && !row.Address.Endpoint.Equals(own.Endpoint));

    [LoggerMessage(Level = LogLevel.Information, Message = "Joins once {Silos} answers, or is marked dead.")]
    private static partial void LogWaits(ILogger logger, string silos);
}
