using Slowrun.Core;
using Slowrun.Core.Stages;

namespace Slowrun.Grains.Interfaces;

/// <summary>A silo's report about itself, for <c>status</c> and <c>explain</c>.</summary>
/// <param name="Silo">Its address as <c>SiloAddress.ToParsableString</c> writes it.</param>
/// <param name="Name">For people.</param>
/// <param name="EngineRevision">Of its engine: a stage goes on only under the revision that it was begun with.</param>
/// <param name="StoreTroubles">Failures and delays that it sees at the store now; empty: none.</param>
public sealed record SiloReport(string Silo, string Name, int EngineRevision, IReadOnlyList<StoreTrouble> StoreTroubles) : ExtensibleRecord
{
    /// <summary>Memory and utilization of those of its slots that are devices; null: none, or none that reports it.</summary>
    public IReadOnlyList<DeviceUse>? Devices { get; init; }

    /// <summary>Null: a silo of an older version, which does not report it.</summary>
    public ProcessorUse? Processors { get; init; }
}
