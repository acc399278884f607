using Slowrun.Core.Notices;

namespace Slowrun.Storage.Runs;

/// <summary>What a run's user is to be told, and to whom it was sent: one document a notice, so that any silo sends what another
/// owes.</summary>
public sealed class RunNotices(IObjectStore store, string run)
{
    /// <returns>Null where there is none of that name.</returns>
    /// <exception cref="InvalidDataException">It cannot be read.</exception>
    public Task<NoticeDocument?> TryReadAsync(string id, CancellationToken cancellationToken = default) =>
        store.TryReadJsonAsync<NoticeDocument>(Name(id), cancellationToken);

    /// <summary>Creates or changes one; <paramref name="change"/> is called again when another change came first.</summary>
    /// <param name="change">From what is there (null: nothing) to what shall be; null: leave it.</param>
    /// <returns>What is there afterwards, and whether this call wrote it.</returns>
    public async Task<(NoticeDocument? Document, bool Written)> ChangeAsync(
        string id,
        Func<NoticeDocument?, NoticeDocument?> change,
        CancellationToken cancellationToken = default
    )
    {
        var written = false;
        var now = await store
            .ChangeJsonAsync<NoticeDocument>(
                Name(id),
                old =>
                {
                    var next = change(old);
                    written = next is not null;
                    return next;
                },
                cancellationToken
            )
            .ConfigureAwait(false);
        return (now, written);
    }

    /// <summary>Notes machines that were lost, once each, with the time at which that was seen first.</summary>
    /// <param name="silos">Addresses of lost silos; those that are noted keep their times.</param>
    /// <returns>The losses since <paramref name="since"/>; older ones are forgotten.</returns>
    public async Task<IReadOnlyList<DateTimeOffset>> NoteLossesAsync(
        IReadOnlyCollection<string> silos,
        DateTimeOffset now,
        DateTimeOffset since,
        CancellationToken cancellationToken = default
    )
    {
        var noted = await store
            .ChangeJsonAsync<LossesDocument>(
                Name(Losses),
                old =>
                {
                    var kept = (old ?? new LossesDocument()).Lost.Where(loss => loss.Value > since).ToDictionary();
                    foreach (var silo in silos)
                    {
                        kept.TryAdd(silo, now);
                    }

                    return new LossesDocument { Unknown = old?.Unknown, Lost = kept };
                },
                cancellationToken
            )
            .ConfigureAwait(false);
        return [.. noted!.Lost.Values];
    }

    /// <summary>All of the run's, in the order of their names; those that cannot be read are left out.</summary>
    public async Task<IReadOnlyList<NoticeDocument>> ListAsync(CancellationToken cancellationToken = default)
    {
        var found = new List<NoticeDocument>();
        await foreach (var name in store.ListNamesAsync(RunPaths.Notices(run), cancellationToken).ConfigureAwait(false))
        {
            if (name == Name(Losses))
            {
                continue;
            }

            try
            {
                if (await store.TryReadJsonAsync<NoticeDocument>(name, cancellationToken).ConfigureAwait(false) is { } notice)
                {
                    found.Add(notice);
                }
            }
            catch (InvalidDataException)
            {
                // The sender finds that too, and says so.
            }
        }

        return found;
    }

    // No notice is called so: theirs say what they tell.
    private const string Losses = "losses";

    private string Name(string id) => RunPaths.Notices(run) + id;
}
