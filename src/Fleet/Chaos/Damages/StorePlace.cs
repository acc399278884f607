using Slowrun.Storage;

namespace Slowrun.Fleet.Chaos.Damages;

/// <summary>A store's objects. A directory's are damaged in their files, others by writing another object.</summary>
/// <param name="folder">The directory; null: none.</param>
internal sealed class StorePlace(IObjectStore store, string? folder) : IDamagePlace
{
    private readonly FilePlace? files = folder is null ? null : new FilePlace(folder);

    public async Task<byte[]?> TryReadAsync(string name, CancellationToken stop)
    {
        var content = await store.TryOpenAsync(name, cancellationToken: stop);
        if (content is null)
        {
            return null;
        }

        await using (content)
        {
            using var whole = new MemoryStream();
            await content.CopyToAsync(whole, stop);
            return whole.ToArray();
        }
    }

    public async Task<bool> DamageAsync(DamagedObject damaged, CancellationToken stop)
    {
        if (files is not null && damaged.Bad is not null)
        {
            return await files.DamageAsync(damaged, stop);
        }

        return await store.TryReadAsync(damaged.Name, stop) is { } now
            && now.Content.Span.SequenceEqual(damaged.Good)
            && (
                damaged.Bad is null
                    ? await store.TryDeleteAsync(damaged.Name, now.ETag, stop)
                    : await store.TryReplaceAsync(damaged.Name, damaged.Bad, now.ETag, stop) is not null
            );
    }

    public async Task PutBackAsync(DamagedObject damaged, CancellationToken stop)
    {
        // Conditional: a repair in between stays.
        if (files is not null && damaged.Bad is not null)
        {
            await files.PutBackAsync(damaged, stop);
        }
        else if (damaged.Bad is null)
        {
            await store.TryCreateAsync(damaged.Name, damaged.Good, stop);
        }
        else if (await store.TryReadAsync(damaged.Name, stop) is { } now && now.Content.Span.SequenceEqual(damaged.Bad))
        {
            await store.TryReplaceAsync(damaged.Name, damaged.Good, now.ETag, stop);
        }
    }
}
