using System.Collections.Concurrent;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Slowrun.Core.Notices;
using Slowrun.Core.Plan;
using Slowrun.Core.Recipes;
using Slowrun.Storage;
using Slowrun.Storage.Runs;

namespace Slowrun.Grains.Notices;

/// <summary>
/// Tells the users of runs what happened, in the background. What is noticed becomes a document of the store before it is sent, so that
/// the next reader of the run sends what a lost silo owes; its claim there keeps living silos from sending it twice. Of a run without
/// receivers, and of one whose notices are settled, nothing is read or written.
/// </summary>
/// <param name="living">Addresses of the silos that are alive.</param>
/// <param name="ask">Asks a silo to send a notice (run, id, the receiver's URL); false: it cannot.</param>
/// <param name="sender">Null: nothing is sent here.</param>
internal sealed partial class NoticeOutbox(
    IObjectStore store,
    Func<IReadOnlySet<string>> living,
    Func<string, string, string, string, Task<bool>> ask,
    INoticeSender? sender,
    ILocalSiloDetails silo,
    TimeProvider time,
    ILogger<NoticeOutbox> log
) : IHostedService, IDisposable
{
    // As long as a receiver that answers needs; a machine that is told to leave has half a minute in all.
    private static readonly TimeSpan LastTries = TimeSpan.FromSeconds(5);

    private readonly ConcurrentDictionary<string, WatchedRun> runs = new(StringComparer.Ordinal);
    private readonly ConcurrentDictionary<Task, bool> tasks = new();
    private readonly CancellationTokenSource closing = new();
    private readonly CancellationTokenSource atOnce = new();

    public Task StartAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    /// <summary>What is being sent has a moment to arrive; what does not is owed, and the next reader of the run sends it.</summary>
    public async Task StopAsync(CancellationToken cancellationToken)
    {
        await closing.CancelAsync();
        var left = EndedAsync();
        await left.WaitAsync(LastTries, time, cancellationToken).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        await atOnce.CancelAsync();
        await left.WaitAsync(LastTries, time, cancellationToken).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
    }

    public void Dispose()
    {
        closing.Dispose();
        atOnce.Dispose();
    }

    /// <summary>Takes what the run's reader has read; returns at once, and does not throw.</summary>
    public void Saw(RunFacts facts)
    {
        var run = facts.Spec.Name;
        if (sender is null || facts.Spec.Operations.Notify is not { Count: > 0 } targets)
        {
            runs.TryRemove(run, out _);
            return;
        }

        var watched = Watched(run, facts.SubmittedAt);
        var now = time.GetUtcNow();
        lock (watched)
        {
            watched.Targets = targets;
            var lost = watched.Watch.Saw(facts);
            if (lost.Count > 0 && targets.Any(target => target.About?.Contains(NoticeKind.Lost) != false))
            {
                Start(() => CountAsync(facts, lost, watched));
            }

            foreach (var notice in DueNotices.Of(facts, now))
            {
                Begin(watched, notice, targets);
            }

            foreach (var target in targets)
            {
                if (watched.Watch.StalledFor(facts, target) is { } still)
                {
                    Begin(watched, DueNotices.Stalled(facts, still, now), [target]);
                }
            }
        }
    }

    /// <summary>Sends a notice of the store in place of a silo that cannot.</summary>
    /// <returns>False where this one cannot either, or there is no such notice.</returns>
    public async Task<bool> TakeOverAsync(string run, string id, string url)
    {
        if (
            sender is null
            || closing.IsCancellationRequested
            || !RunPaths.IsName(run)
            || !ObjectNames.IsSegment(id)
            || await new RunDocuments(store, run).TryReadSpecAsync(atOnce.Token) is not { } spec
            || spec.Operations.Notify?.FirstOrDefault(target => target.Url == url) is not { } target
            || sender.Lacks(target) is not null
            || await new RunNotices(store, run).TryReadAsync(id, atOnce.Token) is not { } document
        )
        {
            return false;
        }

        var watched = Watched(run, document.Notice.SubmittedAt);
        lock (watched)
        {
            watched.Targets = spec.Operations.Notify;
            Begin(watched, document.Notice, [target]);
        }

        return true;
    }

    /// <summary>What the run's reader has seen; of an earlier run of that name it is forgotten.</summary>
    private WatchedRun Watched(string run, DateTimeOffset? submittedAt) =>
        runs.AddOrUpdate(
            run,
            _ => new WatchedRun(submittedAt, time),
            (_, known) => known.SubmittedAt == submittedAt ? known : new WatchedRun(submittedAt, time)
        );

    private void Begin(WatchedRun watched, Notice notice, IEnumerable<NotifyTarget> targets)
    {
        foreach (var target in targets.Where(notice.IsFor).Where(target => watched.Begun.Add((notice.Id, target.Url))))
        {
            var delivery = new NoticeSending(store, living, ask, sender!, silo, time)
            {
                Notice = notice,
                Target = () => watched.Targets.FirstOrDefault(now => now.Url == target.Url),
                Closing = closing.Token,
                AtOnce = atOnce.Token,
            };
            Start(async () =>
            {
                await delivery.RunAsync();
                LogEnd(log, notice.Run, notice.Id, WebhookUrl.Shown(target.Url), delivery.End);
            });
        }
    }

    private async Task CountAsync(RunFacts facts, IReadOnlyList<string> lost, WatchedRun watched)
    {
        var now = time.GetUtcNow();
        var notices = new RunNotices(store, facts.Spec.Name);
        var losses = await new PatientWrites(time).PersistAsync(
            () => notices.NoteLossesAsync(lost, now, now.AddHours(-1), atOnce.Token),
            closing.Token
        );
        lock (watched)
        {
            Begin(watched, DueNotices.Lost(facts, losses.Count, now), watched.Targets.Where(target => losses.Count > target.LostAnHour));
        }
    }

    /// <summary>What is under way, and what that begins.</summary>
    private async Task EndedAsync()
    {
        while (!tasks.IsEmpty)
        {
            await Task.WhenAll(tasks.Keys);
            await Task.Yield();
        }
    }

    private void Start(Func<Task> work)
    {
        var task = Task.Run(async () =>
        {
            try
            {
                await work();
            }
            catch (OperationCanceledException) when (closing.IsCancellationRequested) { }
            catch (Exception e) when (e is IOException or InvalidDataException)
            {
                // Of these, messages name objects of the store only.
                LogFailed(log, e.Message);
            }
            catch (Exception e)
            {
                LogFailed(log, e.GetType().Name);
            }
        });
        tasks[task] = true;
        _ = task.ContinueWith(done => tasks.TryRemove(done, out _), TaskScheduler.Default);
    }

    [LoggerMessage(Level = LogLevel.Information, Message = "Notice {Notice} of run {Run} to {Receiver}: {End}")]
    private static partial void LogEnd(ILogger logger, string run, string notice, string receiver, string end);

    [LoggerMessage(
        Level = LogLevel.Warning,
        Message = "A notice could not be recorded, and is sent by the next silo that reads the run: {Reason}"
    )]
    private static partial void LogFailed(ILogger logger, string reason);
}
