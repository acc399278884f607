using System.Globalization;

namespace Slowrun.Core.Ledger;

/// <summary>When silos started, read from their addresses: the generation in <c>IP:port@generation</c> is Orleans' clock of
/// seconds.</summary>
public static class SiloStart
{
    // Orleans.Runtime.SiloAddress.AllocateNewGeneration counts from here.
    private static readonly DateTimeOffset Epoch = new(2022, 1, 1, 0, 0, 0, TimeSpan.Zero);

    /// <returns>Null where the address has no generation.</returns>
    public static DateTimeOffset? Of(string silo)
    {
        ArgumentNullException.ThrowIfNull(silo);
        var at = silo.LastIndexOf('@');
        return at >= 0 && int.TryParse(silo.AsSpan(at + 1), NumberStyles.None, CultureInfo.InvariantCulture, out var seconds)
            ? Epoch + TimeSpan.FromSeconds(seconds)
            : null;
    }

    /// <summary>The earliest start among <paramref name="silos"/>: since then at least one silo has been running. Null: the list is
    /// empty.</summary>
    public static DateTimeOffset? Earliest(IEnumerable<string> silos) => silos.Select(Of).OfType<DateTimeOffset?>().Min();
}
