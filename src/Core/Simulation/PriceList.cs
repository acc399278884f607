using System.ComponentModel.DataAnnotations;

namespace Slowrun.Core.Simulation;

/// <summary>What a file of machines says.</summary>
/// <param name="Store">Null: it says nothing of stores.</param>
public sealed record PriceList(IReadOnlyList<MachineSize> Sizes, StorePrice? Store)
{
    public bool Equals(PriceList? other) => ContentEquality.Same(this, other);

    public override int GetHashCode() => ContentEquality.Hash(this);
}

/// <summary>What the store takes for keeping bytes; operations and transfers are not in it.</summary>
public sealed record StorePrice
{
    public const double BytesPerGigabyte = 1e9;

    /// <summary>Of 1e9 bytes in a month.</summary>
    [Range(0.0, 1e6)]
    public required double PerGigabyteMonth { get; init; }

    /// <summary>Where the price is from, and of when.</summary>
    public string From { get; init; } = "not said";
}
