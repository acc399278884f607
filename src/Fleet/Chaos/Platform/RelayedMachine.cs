using System.Globalization;
using System.Net;

namespace Slowrun.Fleet.Chaos.Platform;

/// <summary>A machine as the others see it: an address, with the silo's two ports.</summary>
internal sealed class RelayedMachine : IDisposable
{
    // The address is the machine's own, so the ports can be the same on each, as they are in a real fleet: Orleans' usual ones.
    private const int SiloPort = 11111;
    private const int GatewayPort = 30000;

    // Where the silo itself listens.
    private const int InnerSiloPort = 11112;
    private const int InnerGatewayPort = 30001;

    private readonly RelayedPort silo;
    private readonly RelayedPort gateway;

    /// <exception cref="System.Net.Sockets.SocketException">The address is in use.</exception>
    public RelayedMachine(RelayNetwork network, string name, IPAddress address)
    {
        (Name, Address) = (name, address);
        silo = new RelayedPort(network, this, new IPEndPoint(address, SiloPort), InnerSiloPort);
        try
        {
            gateway = new RelayedPort(network, this, new IPEndPoint(address, GatewayPort), InnerGatewayPort);
        }
        catch
        {
            silo.Dispose();
            throw;
        }
    }

    public string Name { get; }

    public IPAddress Address { get; }

    /// <summary>Of the silo's process: tells its connections from those of others. Null while it is not known.</summary>
    public Func<int?> ProcessId { get; set; } = () => null;

    /// <summary>The arguments of the silo's program.</summary>
    public IReadOnlyList<string> Arguments =>
        [
            "--listen",
            Address.ToString(),
            "--port",
            Text(InnerSiloPort),
            "--gateway-port",
            Text(InnerGatewayPort),
            "--advertise-port",
            Text(SiloPort),
            "--advertise-gateway-port",
            Text(GatewayPort),
        ];

    public Task FallSilentAsync() => Task.WhenAll(silo.FallSilentAsync(), gateway.FallSilentAsync());

    public void Answer()
    {
        silo.Answer();
        gateway.Answer();
    }

    public void Dispose()
    {
        silo.Dispose();
        gateway.Dispose();
    }

    private static string Text(int port) => port.ToString(CultureInfo.InvariantCulture);
}
