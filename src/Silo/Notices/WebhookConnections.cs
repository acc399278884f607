using System.Net;
using System.Net.Sockets;

namespace Slowrun.Silo.Notices;

/// <summary>Connections to receivers. Whoever may write a spec chooses where a silo connects to; a machine's metadata service, which gives
/// its identity to every process of the machine, is out of their reach (docs/threat-model.md).</summary>
internal static class WebhookConnections
{
    // Kilobytes; a receiver's answer is only looked at for its status.
    private const int LongestHeaders = 16;
    private const int LongestBody = 16 * 1024;

    // Azure's wire server, from which a machine's agent takes its certificates.
    private static readonly IPAddress WireServer = IPAddress.Parse("168.63.129.16");

    // The metadata services of Amazon's and Google's machines over IPv6.
    private static readonly IPAddress[] Metadata = [IPAddress.Parse("fd00:ec2::254"), IPAddress.Parse("fd20:ce::254")];

    public static SocketsHttpHandler Handler() =>
        new()
        {
            AllowAutoRedirect = false,
            UseCookies = false,
            MaxResponseHeadersLength = LongestHeaders,
            MaxResponseDrainSize = LongestBody,
            PooledConnectionLifetime = TimeSpan.FromMinutes(5),
            PooledConnectionIdleTimeout = TimeSpan.FromSeconds(30),
            // A trace of it would have the URL.
            ActivityHeadersPropagator = null,
            ConnectCallback = ConnectAsync,
        };

    internal static bool IsForbidden(IPAddress address)
    {
        var plain = address.IsIPv4MappedToIPv6 ? address.MapToIPv4() : address;
        return plain.IsIPv6LinkLocal
            || plain.Equals(WireServer)
            || Metadata.Contains(plain)
            || (plain.AddressFamily == AddressFamily.InterNetwork && plain.GetAddressBytes() is [169, 254, ..]);
    }

    // The address that is connected to is the one that was checked, whatever the name means a moment later.
    private static async ValueTask<Stream> ConnectAsync(SocketsHttpConnectionContext context, CancellationToken stop)
    {
        var found = await Dns.GetHostAddressesAsync(context.DnsEndPoint.Host, stop);
        var allowed = found.Where(address => !IsForbidden(address)).ToArray();
        if (allowed.Length == 0 && found.Length > 0)
        {
            throw new ForbiddenAddressException();
        }

        var socket = new Socket(SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
        try
        {
            await socket.ConnectAsync(allowed, context.DnsEndPoint.Port, stop);
            return new NetworkStream(socket, ownsSocket: true);
        }
        catch
        {
            socket.Dispose();
            throw;
        }
    }
}

/// <summary>A name that leads to a metadata service alone.</summary>
internal sealed class ForbiddenAddressException : Exception;
