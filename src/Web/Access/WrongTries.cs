using System.Net;
using System.Net.Sockets;

namespace Slowrun.Web.Access;

/// <summary>
/// Counts wrong tokens and cookies, by address and over all of them. Beyond the limits a wrong one is answered with "too many"; the right
/// one is still accepted, since otherwise another user of the same address could lock its bearer out. The token's length protects against
/// guessing.
/// </summary>
internal sealed class WrongTries(TimeProvider time)
{
    public const int MostAMinute = 10;
    public const int MostAMinuteInAll = 200;
    private const int MostAddresses = 10_000;

    private readonly Lock gate = new();
    private readonly Dictionary<IPAddress, int> tries = [];
    private DateTimeOffset minute;
    private int all;

    public bool AreTooMany(IPAddress? from)
    {
        lock (gate)
        {
            Forget();
            return all >= MostAMinuteInAll || tries.GetValueOrDefault(Counted(from)) >= MostAMinute;
        }
    }

    public void Add(IPAddress? from)
    {
        lock (gate)
        {
            Forget();
            var address = Counted(from);
            // Beyond so many addresses within a minute all others count as one.
            address = tries.Count < MostAddresses || tries.ContainsKey(address) ? address : IPAddress.None;
            tries[address] = tries.GetValueOrDefault(address) + 1;
            all++;
        }
    }

    /// <summary>An attacker with one IPv6 address has a network of 2^64.</summary>
    private static IPAddress Counted(IPAddress? from)
    {
        if (from is null or { AddressFamily: AddressFamily.InterNetwork })
        {
            return from ?? IPAddress.None;
        }

        if (from.IsIPv4MappedToIPv6)
        {
            return from.MapToIPv4();
        }

        var bytes = from.GetAddressBytes();
        bytes.AsSpan(8).Clear();
        return new IPAddress(bytes);
    }

    private void Forget()
    {
        var now = time.GetUtcNow();
        if (now - minute >= TimeSpan.FromMinutes(1))
        {
            tries.Clear();
            all = 0;
            minute = now;
        }
    }
}
