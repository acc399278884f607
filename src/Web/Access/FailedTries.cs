using System.Net;

namespace Slowrun.Web.Access;

/// <summary>Slows down whoever tries tokens out.</summary>
internal sealed class FailedTries(TimeProvider time)
{
    public const int MostAMinute = 10;
    private const int MostAddresses = 10_000;

    private readonly Lock gate = new();
    private readonly Dictionary<IPAddress, int> tries = [];
    private DateTimeOffset minute;

    public bool AreTooMany(IPAddress? from)
    {
        lock (gate)
        {
            Forget();
            return tries.GetValueOrDefault(from ?? IPAddress.None) >= MostAMinute;
        }
    }

    public void Add(IPAddress? from)
    {
        lock (gate)
        {
            Forget();
            var address = from ?? IPAddress.None;
            // Beyond so many addresses within a minute all others count as one.
            address = tries.Count < MostAddresses || tries.ContainsKey(address) ? address : IPAddress.None;
            tries[address] = tries.GetValueOrDefault(address) + 1;
        }
    }

    private void Forget()
    {
        var now = time.GetUtcNow();
        if (now - minute >= TimeSpan.FromMinutes(1))
        {
            tries.Clear();
            minute = now;
        }
    }
}
