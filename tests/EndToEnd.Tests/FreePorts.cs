using System.Net;
using System.Net.Sockets;

namespace Slowrun.EndToEnd.Tests;

/// <summary>Ports of loopback for programs that tests start.</summary>
internal static class FreePorts
{
    /// <summary>None that the system may give a connection before the program listens: Linux takes those from 32768 up.</summary>
    public static int Next()
    {
        while (true)
        {
            using var listener = new TcpListener(IPAddress.Loopback, Random.Shared.Next(10_000, 32_768));
            try
            {
                listener.Start();
                return ((IPEndPoint)listener.LocalEndpoint).Port;
            }
            catch (SocketException)
            {
                // Another program has it.
            }
        }
    }
}
