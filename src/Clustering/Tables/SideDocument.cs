using Microsoft.Extensions.Logging;
using Slowrun.Clustering.Membership;

namespace Slowrun.Clustering.Tables;

/// <summary>
/// What Orleans' own table has no room for, in the store's document: slots, processes and ends, and the silos that serve the store, for
/// clients without a connection. Written when a silo comes and when it goes; a failed write is repeated, and the cluster does not wait for
/// it.
/// </summary>
/// <param name="self">This silo's process; null: not told to other silos.</param>
internal sealed partial class SideDocument(
    MembershipFile file,
    SiloAddress own,
    ProcessIdentity? self,
    IReadOnlyList<string> slots,
    IReadOnlyList<long>? slotBytes,
    TimeProvider time,
    ILogger<SideDocument> log,
    CancellationToken stopped
)
{
    // A leaving silo waits so long for the write of its row, but not longer, in case the store does not answer.
    private static readonly TimeSpan WaitFor = TimeSpan.FromSeconds(2);
    private static readonly TimeSpan Pause = TimeSpan.FromSeconds(1);

    private Task reading = Task.CompletedTask;

    /// <summary>Reads the other silos' promises in the background: a silo without work has no other reason to.</summary>
    public void ReadSoon()
    {
        if (reading.IsCompleted)
        {
            reading = Task.Run(async () =>
            {
                try
                {
                    await file.ReadAsync(stopped);
                }
                catch (Exception e) when (e is IOException or InvalidDataException or OperationCanceledException)
                {
                    // Read again in a few seconds. Writes of the document report what is wrong with it.
                }
            });
        }
    }

    /// <summary>Waits two seconds for it at most.</summary>
    public Task NoteAsync(MembershipEntry entry) =>
        Task.WhenAny(
            Task.Run(() => UntilWrittenAsync(() => WriteAsync(entry), $"silo {entry.SiloName} is {entry.Status}"), CancellationToken.None),
            Task.Delay(WaitFor, time)
        );

    /// <summary>In the background.</summary>
    public void NoteDead(IReadOnlySet<string> dead) =>
        _ = Task.Run(() => UntilWrittenAsync(() => WriteDeadAsync(dead), "silos are dead"), CancellationToken.None);

    /// <summary>Removes old rows of silos that the table no longer has.</summary>
    public Task KeepAsync(IReadOnlySet<string> known, DateTimeOffset beforeDate) =>
        file.ChangeAsync(
            document =>
            {
                var kept = document.Rows.Where(row => known.Contains(row.Silo) || row.LastSign >= beforeDate.UtcDateTime).ToList();
                return kept.Count == document.Rows.Count ? document : document with { Rows = kept };
            },
            stopped
        );

    private async Task UntilWrittenAsync(Func<Task> note, string what)
    {
        for (var isFirst = true; ; isFirst = false)
        {
            try
            {
                await note();
                return;
            }
            catch (Exception e) when (e is IOException or InvalidDataException)
            {
                if (isFirst)
                {
                    LogFailed(log, what, e.Message);
                }

                if (stopped.IsCancellationRequested)
                {
                    return;
                }
            }

            await Task.Delay(Pause, time, CancellationToken.None);
        }
    }

    private Task WriteDeadAsync(IReadOnlySet<string> dead)
    {
        bool IsNew(MembershipRow row) => row.Status != SiloStatus.Dead && dead.Contains(row.Silo);
        var now = time.GetUtcNow().UtcDateTime;
        return file.ChangeAsync(
            document =>
                document.Rows.Any(IsNew)
                    ? document with
                    {
                        Rows =
                        [
                            .. document.Rows.Select(row => IsNew(row) ? row with { Status = SiloStatus.Dead, IAmAliveTime = now } : row),
                        ],
                    }
                    : document,
            CancellationToken.None
        );
    }

    private Task WriteAsync(MembershipEntry entry)
    {
        var id = Guid.NewGuid().ToString("N");
        var now = time.GetUtcNow().UtcDateTime;
        return file.ChangeAsync(
            document =>
            {
                var old = document.Find(entry.SiloAddress);
                if (old is null && !entry.SiloAddress.Equals(own))
                {
                    // It died before its row was written: no client knows of it.
                    return document;
                }

                // Notes may come out of order; a silo's life does not go back.
                return old is null
                        ? document with
                        {
                            Rows =
                            [
                                .. document.Rows,
                                MembershipRows.From(entry, id, self, slots) with
                                {
                                    SlotBytes = slotBytes,
                                    IAmAliveTime = now,
                                },
                            ],
                        }
                    : old.Status >= entry.Status ? document
                    : document.With(old, MembershipRows.From(entry, id, old) with { IAmAliveTime = now });
            },
            CancellationToken.None
        );
    }

    [LoggerMessage(
        Level = LogLevel.Warning,
        Message = "That {What} could not be noted in the store: {Error} It is tried again; until then status shows what was."
    )]
    private static partial void LogFailed(ILogger logger, string what, string error);
}
