namespace Slowrun.Core.Stages;

/// <summary>Memory and utilization of a device as last measured, of all processes together.</summary>
/// <param name="Slot">As in <c>cuda:0</c>.</param>
/// <param name="Utilization">Share of the last moments in which it computed, 0 to 1; null: the device does not report it.</param>
public sealed record DeviceUse(string Slot, long UsedBytes, long TotalBytes, double? Utilization) : ExtensibleRecord;
