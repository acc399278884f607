using System.Net;
using System.Net.Sockets;

namespace Slowrun.Silo.Hosting;

/// <summary>Chooses ports for Orleans, which needs their numbers before it listens.</summary>
internal static class FreePorts
{
    // Linux takes ports of connections from 32768 up: one of those could be in use again before Orleans listens.
    private const int Lowest = 10_000;
    private const int Highest = 32_767;
    private const int MostTries = 100;

    /// <summary>Gives each 0 a port that was free a moment ago, all different.</summary>
    /// <exception cref="IOException">A port that was asked for is in use.</exception>
    public static (int Silo, int Gateway) Choose(IPAddress address, int siloPort, int gatewayPort)
    {
        // Both are held open until both are chosen: otherwise the system may give the same one twice.
        using var silo = siloPort == 0 ? ListenAnywhere(address) : Listen(address, siloPort, "--port");
        using var gateway = gatewayPort == 0 ? ListenAnywhere(address) : Listen(address, gatewayPort, "--gateway-port");
        return (Port(silo), Port(gateway));
    }

    /// <summary>Whether something can listen there, asked before the silo starts: a host that fails to start says it with traces.</summary>
    /// <exception cref="IOException">Nothing can.</exception>
    public static void Check(IPEndPoint address, string option)
    {
        using var listener = Listen(address.Address, address.Port, option);
    }

    private static TcpListener ListenAnywhere(IPAddress address)
    {
        for (var tries = 0; tries < MostTries; tries++)
        {
            var listener = new TcpListener(address, Random.Shared.Next(Lowest, Highest + 1));
            try
            {
                listener.Start();
                return listener;
            }
            catch (SocketException)
            {
                listener.Dispose();
            }
        }

        // Says why, where no port of the address can be used.
        return Listen(address, 0, "--port");
    }

    private static TcpListener Listen(IPAddress address, int port, string option)
    {
        var listener = new TcpListener(address, port);
        try
        {
            listener.Start();
            return listener;
        }
        catch (SocketException e)
        {
            listener.Dispose();
            throw new IOException(
                $"Port {port} of {address} (option {option}) cannot be used: {e.Message}. Give another one, or leave the option out to take any free port.",
                e
            );
        }
    }

    private static int Port(TcpListener listener) => ((IPEndPoint)listener.LocalEndpoint).Port;
}
