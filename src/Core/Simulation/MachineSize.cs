using System.ComponentModel.DataAnnotations;

namespace Slowrun.Core.Simulation;

/// <summary>A kind of machine that can be rented, as <c>machines.yaml</c> has it.</summary>
public sealed record MachineSize
{
    public required string Name { get; init; }

    /// <summary>Slots of a silo on it.</summary>
    [Range(1, 64)]
    public int Devices { get; init; } = 1;

    [Range(1, 4096)]
    public int Processors { get; init; } = 1;

    /// <summary>Of one device, in the products that the recipe uses.</summary>
    [Range(0.000001, 1e9)]
    public required double PeakTeraflops { get; init; }

    /// <summary>Of one machine in an hour.</summary>
    [Range(0.0, 1e6)]
    public required double OnDemandPrice { get; init; }

    /// <summary>Where the price is from, and of when.</summary>
    public string OnDemandFrom { get; init; } = "not said";

    [Range(0.0, 1e6)]
    public required double SpotPrice { get; init; }

    public string SpotFrom { get; init; } = "not said";

    /// <summary>Of one spot machine, on average.</summary>
    [Range(0.0, 1e4)]
    public required double EvictionsPerHour { get; init; }

    public string EvictionsFrom { get; init; } = "not said";
}
