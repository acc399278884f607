using Slowrun.Core.Randomness;
using Slowrun.Storage;

namespace Slowrun.Fleet.Chaos.Damages;

/// <summary>Chooses an object of the run by the seed and damages it.</summary>
/// <param name="folder">Of a directory store; null: none.</param>
/// <param name="cache">The fleet's cache; null: it has none.</param>
internal sealed class DamageMaker(IObjectStore store, string? folder, string? cache, string run, string? data, int seed)
{
    // Chaos keeps what it has damaged.
    private const long LargestBytes = 64L << 20;

    private readonly StorePlace objects = new(store, folder);
    private readonly FilePlace? cached = cache is null ? null : new FilePlace(cache);
    private readonly Dictionary<string, int> done = new(StringComparer.Ordinal);
    private readonly Dictionary<string, List<byte[]>> older = new(StringComparer.Ordinal);

    /// <summary>Remembers how documents that are replaced look now: what they can be rolled back to.</summary>
    public async Task RememberAsync(CancellationToken stop)
    {
        await foreach (var entry in store.ListAsync($"runs/{run}/", stop))
        {
            if (
                ObjectKind.Of(entry.Name, run, data) is { } kind
                && ObjectKind.IsReplaced(kind)
                && await objects.TryReadAsync(entry.Name, stop) is { } now
            )
            {
                var known = older.TryGetValue(entry.Name, out var list) ? list : older[entry.Name] = [];
                if (known.Count == 0 || !known[^1].AsSpan().SequenceEqual(now))
                {
                    known.Add(now);
                }
            }
        }
    }

    /// <param name="number">Of the disturbance.</param>
    /// <param name="taken">Objects that are damaged already.</param>
    /// <returns>Null where there is nothing to damage yet.</returns>
    public async Task<Damage?> MakeAsync(
        int number,
        IReadOnlySet<string> taken,
        double atSeconds,
        DateTimeOffset at,
        CancellationToken stop
    )
    {
        var there = new List<(string Kind, string Name, IDamagePlace Place)>();
        foreach (var prefix in new[] { "data/", $"runs/{run}/" })
        {
            await foreach (var entry in store.ListAsync(prefix, stop))
            {
                if (ObjectKind.Of(entry.Name, run, data) is { } kind && entry.LengthBytes is > 0 and <= LargestBytes)
                {
                    there.Add((kind, entry.Name, objects));
                }
            }
        }

        there.AddRange((cached?.Names() ?? []).Select(name => (ObjectKind.Cached, name, (IDamagePlace)cached!)));
        var free = there.Where(one => !taken.Contains(one.Name)).ToList();
        // Every kind in turn: there are many events, and one spec.
        var kinds = free.Select(one => one.Kind).Distinct().Order(StringComparer.Ordinal).ToList();
        var least = kinds.Where(kind => done.GetValueOrDefault(kind) == kinds.Min(other => done.GetValueOrDefault(other))).ToList();
        if (least.Count == 0)
        {
            return null;
        }

        var ofKind = free.Where(one => one.Kind == least[Below(number, "kind", least.Count)])
            .OrderBy(one => one.Name, StringComparer.Ordinal)
            .ToList();
        var chosen = ofKind[Below(number, "object", ofKind.Count)];
        var forms = Enum.GetValues<DamageForm>();
        var form = forms[Below(number, "form", forms.Length)];
        if (await chosen.Place.TryReadAsync(chosen.Name, stop) is not { Length: > 0 } good)
        {
            return null;
        }

        var others = ofKind.Where(one => one.Name != chosen.Name).ToList();
        if (form == DamageForm.Swap && others.Count > 0)
        {
            var other = others[Below(number, "other", others.Count)];
            if (await other.Place.TryReadAsync(other.Name, stop) is { } theirs && !theirs.AsSpan().SequenceEqual(good))
            {
                return await DoAsync(form, new(chosen.Name, good, theirs, chosen.Place), new(other.Name, theirs, good, other.Place));
            }
        }

        List<byte[]> before = [.. older.GetValueOrDefault(chosen.Name, []).Where(content => !content.AsSpan().SequenceEqual(good))];
        return form switch
        {
            DamageForm.RollBack when before.Count > 0 => await DoAsync(
                form,
                new(chosen.Name, good, before[Below(number, "older", before.Count)], chosen.Place),
                null
            ),
            DamageForm.Truncate => await DoAsync(
                form,
                new(chosen.Name, good, good[..Below(number, "length", good.Length)], chosen.Place),
                null
            ),
            DamageForm.Remove => await DoAsync(form, new(chosen.Name, good, null, chosen.Place), null),
            _ => await DoAsync(DamageForm.Flip, new(chosen.Name, good, Flipped(number, good), chosen.Place), null),
        };

        async Task<Damage?> DoAsync(DamageForm how, DamagedObject one, DamagedObject? another)
        {
            if (!await one.Place.DamageAsync(one, stop))
            {
                // Replaced or swept a moment ago.
                return null;
            }

            if (another is not null)
            {
                await another.Place.DamageAsync(another, stop);
            }

            done[chosen.Kind] = done.GetValueOrDefault(chosen.Kind) + 1;
            return new Damage(number, how, chosen.Kind, one, another, atSeconds, at);
        }
    }

    private byte[] Flipped(int number, byte[] good)
    {
        byte[] bad = [.. good];
        bad[Below(number, "byte", bad.Length)] ^= (byte)(1 << Below(number, "bit", 8));
        return bad;
    }

    private int Below(int number, string what, int bound) => (int)(Seeds.Derive(seed, $"damage {what}", number) % bound);
}
