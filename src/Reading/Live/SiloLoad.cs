using Slowrun.Core.Stages;

namespace Slowrun.Reading.Live;

/// <summary>The load of a silo's slots, as it reports it when it is asked.</summary>
/// <param name="Silo">Its address.</param>
/// <param name="Devices">Null: none is known.</param>
/// <param name="Processors">Null: not known.</param>
public sealed record SiloLoad(string Silo, IReadOnlyList<DeviceUse>? Devices, ProcessorUse? Processors);
