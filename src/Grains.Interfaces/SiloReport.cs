using Slowrun.Core;
using Slowrun.Core.Stages;

namespace Slowrun.Grains.Interfaces;

/// <summary>What a silo knows of itself, for those who ask why something does not go on.</summary>
/// <param name="Silo">Its address as <c>SiloAddress.ToParsableString</c> writes it.</param>
/// <param name="Name">For people.</param>
/// <param name="EngineRevision">Of its engine: a started stage goes on under the one that it was begun with.</param>
/// <param name="StoreTroubles">What it has against the store now; empty: nothing.</param>
public sealed record SiloReport(string Silo, string Name, int EngineRevision, IReadOnlyList<StoreTrouble> StoreTroubles) : ExtensibleRecord;
