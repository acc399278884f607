using Slowrun.Core;

namespace Slowrun.Clustering.Membership;

/// <param name="Silo">As <c>SiloAddress.ToParsableString</c> writes it.</param>
/// <param name="Reason">Why it is certain that it is dead, as the end of a sentence.</param>
public sealed record BuriedSilo(string Silo, string Name, string Reason) : ExtensibleRecord;
