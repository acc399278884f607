namespace Slowrun.Silo.Preemption;

/// <param name="Platform">Whose announcements are obeyed.</param>
internal sealed record PreemptionSettings(Platform Platform, MetadataOptions Service);
