using Slowrun.Core;

namespace Slowrun.Grains.Interfaces;

/// <summary>Slots that a silo lends.</summary>
/// <param name="Silo">The silo's address as Orleans parses it.</param>
/// <param name="Slots">For example <c>cpu:0</c>; reserved by the offering silo until the answer.</param>
/// <param name="EpochToken"> The stage's, when the offering silo saw that it had no living owner: another silo may have taken it since.
/// Null: any.
/// </param>
public sealed record SlotOffer(string Silo, IReadOnlyList<string> Slots, long? EpochToken = null) : ExtensibleRecord;

/// <param name="Taken">The slots are in use until the grain gives them back to the silo.</param>
/// <param name="Reason">Why not, in a sentence for the user.</param>
/// <param name="Moving">The grain is on its way to the offering silo: offer again in a moment.</param>
public sealed record TakeAnswer(bool Taken, string? Reason = null, bool Moving = false) : ExtensibleRecord;
