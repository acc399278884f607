namespace Slowrun.Core.Stages;

/// <summary>The load of slots, in words.</summary>
public static class LoadText
{
    /// <summary>As in <c>12.3 GB of 139.7 GB, 87 % busy</c>.</summary>
    public static string Of(DeviceUse use)
    {
        ArgumentNullException.ThrowIfNull(use);
        return $"{Human.Bytes(use.UsedBytes)} of {Human.Bytes(use.TotalBytes)}"
            + (use.Utilization is { } busy ? $", {Human.Percent(busy)} busy" : "");
    }

    /// <summary>As in <c>1.1 GB of 8.2 GB, 93 % of 2 processors</c>.</summary>
    public static string Of(ProcessorUse use)
    {
        ArgumentNullException.ThrowIfNull(use);
        return Human.Bytes(use.UsedBytes)
            + (use.TotalBytes is { } total ? $" of {Human.Bytes(total)}" : "")
            + (
                use.Share is { } share
                    ? $", {Human.Percent(share)} of {Human.Plural(use.Count, "processor")}"
                    : ", share of the processors not known yet"
            );
    }

    /// <summary>A silo's slots with their load, and those of which none is known.</summary>
    /// <param name="slots">Of the silo, as in <c>cpu:0</c>.</param>
    /// <param name="devices">Null: none is known.</param>
    /// <param name="processors">Null: not known.</param>
    public static IEnumerable<(string Slots, string Load)> Of(
        IReadOnlyList<string> slots,
        IReadOnlyList<DeviceUse>? devices,
        ProcessorUse? processors
    )
    {
        ArgumentNullException.ThrowIfNull(slots);
        var known = (devices ?? []).ToDictionary(use => use.Slot, StringComparer.Ordinal);
        var ofDevices = slots.Where(slot => slot.StartsWith("cuda", StringComparison.Ordinal)).ToList();
        foreach (var slot in ofDevices)
        {
            yield return (slot, known.TryGetValue(slot, out var use) ? Of(use) : "not known");
        }

        var others = string.Join(' ', slots.Except(ofDevices));
        if (processors is not null || others.Length > 0)
        {
            yield return (others.Length > 0 ? others : "processors", processors is null ? "not known" : Of(processors));
        }
    }
}
