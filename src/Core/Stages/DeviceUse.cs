namespace Slowrun.Core.Stages;

/// <summary>What a device was seen to be doing, all of its processes together.</summary>
/// <param name="Slot">As in <c>cuda:0</c>.</param>
/// <param name="Utilization">Share of the last moments in which it computed, 0 to 1; null: it does not tell.</param>
public sealed record DeviceUse(string Slot, long UsedBytes, long TotalBytes, double? Utilization) : ExtensibleRecord;
