namespace Slowrun.Core.Models;

/// <summary>What is updated by one call, on one device: some neighbouring parameters of one AdamW group, or some neighbouring matrices of
/// one Muon group.</summary>
/// <param name="Group">Number of its group.</param>
/// <param name="Range">Of the layout: what is updated.</param>
/// <param name="Cover">With the gap behind it: the covers of all units are the whole layout.</param>
/// <param name="Second">Muon's: where its running mean squares lie among those of all Muon groups. Empty of AdamW.</param>
/// <param name="Work">Multiply-adds that the update is worth, about: only how evenly devices are busy depends on it, and no byte.</param>
public sealed record UpdateUnit(int Group, FlatRange Range, FlatRange Cover, FlatRange Second, long Work);
