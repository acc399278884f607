using System.Globalization;
using Slowrun.Clustering.Membership;
using Slowrun.Storage;
using Slowrun.Storage.Runs;

namespace Slowrun.Fleet.Chaos.Leftovers;

/// <summary>The marks of all chaos that a store has seen and that did not come to its end: those under way, and those that were
/// interrupted.</summary>
/// <param name="tell">Told of marks that cannot be read.</param>
public sealed class ChaosMarks(IObjectStore store, TimeProvider time, Action<string> tell)
{
    private const string Folder = "chaos/";

    /// <summary>The command that removes what interrupted ones left.</summary>
    public string Command => $"slowrun chaos --clean --store {store.Address}";

    /// <summary>Notes that this process is at work on the store.</summary>
    public async Task<HeldMark> BeginAsync(IReadOnlyList<string> runs, string? cacheFolder, CancellationToken stop)
    {
        var mark = new ChaosMark(ProcessIdentity.Current, Environment.MachineName, runs, cacheFolder);
        var name = string.Create(CultureInfo.InvariantCulture, $"{Folder}{time.GetUtcNow():yyyyMMdd-HHmmss}-{Guid.NewGuid():N}");
        var content = SealedJson.Serialize(name, mark);
        var etag = await store.TryCreateAsync(name, content, stop);
        // The name is new, so that only a store that breaks its contract refuses it.
        return new HeldMark(store, time, name, mark, content, etag ?? throw new IOException($"'{name}' exists in '{store.Address}'."));
    }

    /// <summary>All marks but the own one, whose last sign is the time by the store's clock: those of other machines may be
    /// wrong.</summary>
    public async Task<IReadOnlyList<SeenChaos>> OthersAsync(HeldMark own, CancellationToken stop)
    {
        ArgumentNullException.ThrowIfNull(own);
        var names = await store.ListNamesAsync(Folder, stop).ToListAsync(stop);
        var seen = new List<SeenChaos>();
        foreach (var name in names.Where(name => name != own.Name))
        {
            // Read after the other one: of a living one it is then never older by more than the signs are apart.
            if (await store.TryReadAsync(name, stop) is not { } stored || await store.TryReadAsync(own.Name, stop) is not { } now)
            {
                continue;
            }

            try
            {
                var mark = SealedJson.Deserialize<ChaosMark>(name, stored.Content.Span);
                var underWay = mark.IsUnderWay(now.ModifiedAt - stored.ModifiedAt);
                seen.Add(new SeenChaos(name, mark, stored.ModifiedAt, underWay, await RunsAsync(mark, stored.ModifiedAt, stop)));
            }
            catch (InvalidDataException e)
            {
                tell($"What a chaos left is not known, because its mark cannot be read: {e.Message}");
            }
        }

        return seen;
    }

    /// <summary>The runs of a mark that are in the store and its own.</summary>
    /// <param name="lastSign">Of the chaos, by the store's clock.</param>
    public async Task<IReadOnlyList<string>> RunsAsync(ChaosMark mark, DateTimeOffset lastSign, CancellationToken stop)
    {
        ArgumentNullException.ThrowIfNull(mark);
        var runs = new List<string>();
        foreach (var run in mark.Runs.Where(RunPaths.IsName))
        {
            if (
                await store.ListNamesAsync(RunPaths.Run(run), stop).AnyAsync(stop)
                && ChaosMark.IsOwn(await new RunDocuments(store, run).TryReadSubmittedAtAsync(stop), lastSign)
            )
            {
                runs.Add(run);
            }
        }

        return runs;
    }

    /// <summary>Deletes the cache folder of an interrupted chaos, where it is on this machine, and its mark.</summary>
    public async Task ForgetAsync(SeenChaos gone, CancellationToken stop)
    {
        ArgumentNullException.ThrowIfNull(gone);
        if (gone.CacheFolder is { } folder)
        {
            Directory.Delete(folder, recursive: true);
        }

        await store.TryDeleteAsync(gone.Name, cancellationToken: stop);
    }
}
