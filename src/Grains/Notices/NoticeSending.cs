using Slowrun.Core.Notices;
using Slowrun.Core.Recipes;
using Slowrun.Core.Stages;
using Slowrun.Grains.Stages;
using Slowrun.Storage;
using Slowrun.Storage.Runs;

namespace Slowrun.Grains.Notices;

/// <summary>
/// The sending of one notice to one receiver. Claimed in the notice's document, sent, recorded there. A silo that dies after the claim
/// leaves it to the next; one that dies between sending and recording makes that next one send again, under the same key.
/// </summary>
internal sealed class NoticeSending(
    IObjectStore store,
    Func<IReadOnlySet<string>> living,
    Func<string, string, string, string, Task<bool>> ask,
    INoticeSender sender,
    ILocalSiloDetails silo,
    TimeProvider time
)
{
    private static readonly TimeSpan LookEvery = TimeSpan.FromSeconds(5);
    private static readonly TimeSpan AnswerWithin = TimeSpan.FromSeconds(5);

    // A silo that did not answer, or whose version sends nothing.
    private static readonly TimeSpan AskAgainAfter = TimeSpan.FromMinutes(1);

    private readonly HashSet<string> refused = new(StringComparer.Ordinal);
    private readonly PatientWrites patiently = new(time);

    public required Notice Notice { get; init; }

    /// <summary>The receiver as it is now; null: the user has taken it out.</summary>
    public required Func<NotifyTarget?> Target { get; init; }

    public required CancellationToken Closing { get; init; }

    public required CancellationToken AtOnce { get; init; }

    /// <summary>How it ended, in words.</summary>
    public string End { get; private set; } = "not sent.";

    private RunNotices Notices => new(store, Notice.Run);

    private string Self => silo.SiloAddress.ToParsableString();

    public async Task RunAsync()
    {
        do
        {
            if (Target() is not { } target)
            {
                End = "the receiver was taken out.";
                return;
            }

            if (sender.Lacks(target) is { } lack)
            {
                if (await IsSettledByOthersAsync(target.Url, lack))
                {
                    return;
                }

                continue;
            }

            var (document, written) = await PersistAsync(() => Notices.ChangeAsync(Notice.Id, old => Claimed(old, target.Url), AtOnce));
            var delivery = document!.Deliveries[target.Url];
            if (delivery.IsSettled)
            {
                End = $"{delivery.State} before, by {delivery.SiloName}.";
                return;
            }

            if (!written)
            {
                // Another living silo sends it.
                await UntilAsync(() => !living().Contains(delivery.Silo ?? ""));
                continue;
            }

            CrashPoint.Reached(CrashPoint.NoticeOwed);
            var end = await sender.SendAsync(document.Notice.Called(await TryNameAsync()), target, Closing, AtOnce);
            if (end.Interrupted)
            {
                End = "owed; the next silo that reads the run sends it.";
                return;
            }

            CrashPoint.Reached(CrashPoint.NoticeSent);
            await SettleAsync(target, end);
            return;
        } while (!Closing.IsCancellationRequested);
    }

    /// <summary>What the run is called now; its own name will do where the store does not say.</summary>
    private async Task<string?> TryNameAsync()
    {
        try
        {
            return await new RunNaming(store).TryNameOfAsync(Notice.Run, AtOnce);
        }
        catch (Exception e) when (e is IOException or OperationCanceledException)
        {
            return null;
        }
    }

    /// <summary>The document with this silo as the sender; null: it is settled, or a living silo sends it.</summary>
    private NoticeDocument? Claimed(NoticeDocument? old, string url)
    {
        var document = OfThisRun(old);
        var now = document.Deliveries.GetValueOrDefault(url);
        return
            now?.IsSettled == true
            || (now is { State: NoticeDelivery.Sending, Silo: { } other } && other != Self && living().Contains(other))
            ? null
            : document.With(url, Mine(NoticeDelivery.Sending, now));
    }

    /// <summary>Another run of that name, before this one, may have left its own.</summary>
    private NoticeDocument OfThisRun(NoticeDocument? old) =>
        old is not null && old.Notice.SubmittedAt == Notice.SubmittedAt ? old : new NoticeDocument { Notice = Notice };

    private NoticeDelivery Mine(string state, NoticeDelivery? before, string? why = null) =>
        (before ?? new NoticeDelivery(state)) with
        {
            State = state,
            Silo = Self,
            SiloName = silo.Name,
            At = time.GetUtcNow(),
            Why = why,
        };

    private async Task SettleAsync(NotifyTarget target, NoticeEnd end)
    {
        var to = WebhookUrl.Shown(target.Url);
        End = end.Delivered ? "delivered." : end.Why!;
        await PersistAsync(() =>
            Notices.ChangeAsync(
                Notice.Id,
                // Gone, or of another run of that name: this one was deleted meanwhile.
                old =>
                    old?.Notice.SubmittedAt != Notice.SubmittedAt
                        ? null
                        : old?.With(
                            target.Url,
                            Mine(
                                end.Delivered ? NoticeDelivery.Delivered : NoticeDelivery.Failed,
                                old.Deliveries.GetValueOrDefault(target.Url),
                                end.Why
                            )
                        ),
                AtOnce
            )
        );
        await TellAsync(
            end.Delivered ? EventKind.NoticeSent : EventKind.NoticeFailed,
            end.Delivered
                ? $"{to} was told: {Notice.Title}."
                : $"{to} could not be told '{Notice.Title}', and is told no more: {end.Why} Mend that; what comes later is sent again."
        );
    }

    /// <summary>Records what this silo lacks, and has another one send; waits until that may be of use again.</summary>
    /// <returns>Whether nothing is left to do.</returns>
    private async Task<bool> IsSettledByOthersAsync(string url, string lack)
    {
        var known = $"{silo.Name} {lack}";
        var (document, written) = await PersistAsync(() =>
            Notices.ChangeAsync(
                Notice.Id,
                old =>
                {
                    var document = OfThisRun(old);
                    var now = document.Deliveries.GetValueOrDefault(url);
                    return
                        now?.IsSettled == true
                        || now?.Lacking.Contains(known) == true
                        || (now is { State: NoticeDelivery.Sending, Silo: { } other } && living().Contains(other))
                        ? null
                        : document.With(
                            url,
                            Mine(NoticeDelivery.Owed, now, $"{silo.Name} {lack}.") with
                            {
                                Lacking = [.. now?.Lacking ?? [], known],
                            }
                        );
                },
                AtOnce
            )
        );
        var delivery = document!.Deliveries.GetValueOrDefault(url);
        if (delivery?.IsSettled == true)
        {
            End = $"{delivery.State} before, by {delivery.SiloName}.";
            return true;
        }

        if (written)
        {
            await TellAsync(
                EventKind.NoticeWaits,
                $"{WebhookUrl.Shown(url)} is not told '{Notice.Title}' by {silo.Name}, which {lack}. A silo that has it sends it: start this one again with it, or another one."
            );
        }

        End = $"owed; this silo {lack}.";
        var (sends, isSilent) = await AskedAsync(url);
        if (sends is not null)
        {
            await UntilAsync(() => !living().Contains(sends));
        }
        else
        {
            await Task.Delay(isSilent ? AskAgainAfter : TimeSpan.Zero, time, Closing);
            await UntilAsync(() => living().Any(one => one != Self && !refused.Contains(one)));
        }

        return false;
    }

    /// <summary>The first other silo that sends it, null: none can; and whether one gave no answer, so that it is asked again.</summary>
    private async Task<(string? Sends, bool IsSilent)> AskedAsync(string url)
    {
        var isSilent = false;
        foreach (var other in living().Where(one => one != Self && !refused.Contains(one)).Order(StringComparer.Ordinal).ToList())
        {
            try
            {
                if (await ask(other, Notice.Run, Notice.Id, url).WaitAsync(AnswerWithin, time, Closing))
                {
                    return (other, isSilent);
                }

                refused.Add(other);
            }
            catch (Exception e) when (e is not OperationCanceledException)
            {
                // Gone meanwhile, without its store, or of a version that sends nothing.
                isSilent = true;
            }
        }

        return (null, isSilent);
    }

    private Task<T> PersistAsync<T>(Func<Task<T>> write) => patiently.PersistAsync(write, Closing);

    /// <summary>Looks at the membership, which is in memory.</summary>
    private async Task UntilAsync(Func<bool> so)
    {
        while (!so())
        {
            await Task.Delay(LookEvery, time, Closing);
        }
    }

    /// <summary>Does not throw where the store fails: the document says the same.</summary>
    private async Task TellAsync(string kind, string message)
    {
        try
        {
            await new RunEvents(store, Notice.Run).AppendAsync(
                new RunEvent(time.GetUtcNow(), kind, Notice.Stage, message) { Silo = silo.Name },
                AtOnce
            );
        }
        catch (IOException) { }
    }
}
