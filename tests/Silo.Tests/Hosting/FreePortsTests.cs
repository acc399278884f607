using System.Net;
using System.Net.Sockets;
using Slowrun.Silo.Hosting;

namespace Slowrun.Silo.Tests.Hosting;

public sealed class FreePortsTests
{
    [Fact]
    public void Choose_OfAny_TakesTwoThatNoConnectionIsGiven()
    {
        for (var tries = 0; tries < 20; tries++)
        {
            var (silo, gateway) = FreePorts.Choose(IPAddress.Loopback, 0, 0);

            Assert.InRange(silo, 10_000, 32_767);
            Assert.InRange(gateway, 10_000, 32_767);
            Assert.NotEqual(silo, gateway);
        }
    }

    [Fact]
    public void Choose_OfOneThatIsTaken_SaysWhich()
    {
        using var taken = new TcpListener(IPAddress.Loopback, 0);
        taken.Start();
        var port = ((IPEndPoint)taken.LocalEndpoint).Port;

        var refused = Assert.Throws<IOException>(() => FreePorts.Choose(IPAddress.Loopback, 0, port));

        Assert.Contains($"Port {port} of 127.0.0.1 (option --gateway-port) cannot be used", refused.Message, StringComparison.Ordinal);
    }
}
