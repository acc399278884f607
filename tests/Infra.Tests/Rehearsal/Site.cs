using System.Diagnostics;
using System.Globalization;
using System.Net;
using Slowrun.Tests.Storage;

namespace Slowrun.Infra.Tests.Rehearsal;

/// <summary>A data centre: a network that machines are linked to, and in it the storage account, which this process reaches through
/// loopback.</summary>
internal sealed class Site : IAsyncDisposable
{
    private const string Bridge = "subnet";
    private const string Subnet = "10.20.0";
    private const string Router = $"{Subnet}.1";

    private readonly NetworkNamespace network;
    private readonly Process azurite;
    private readonly Forwarder forwarder;
    private readonly int storePort;
    private readonly string account;
    private int machines;

    private Site(NetworkNamespace network, Process azurite, int storePort, string account)
    {
        (this.network, this.azurite, this.storePort, this.account) = (network, azurite, storePort, account);
        forwarder = Forwarder.Listen(
            new IPEndPoint(IPAddress.Loopback, 0),
            new IPEndPoint(IPAddress.Parse(Router), storePort),
            () => network.Inside(Forwarder.Tcp)
        );
    }

    /// <summary>For machines.</summary>
    public string InsideConnection => Azurite.ConnectionString(storePort, Router, account);

    /// <summary>For this process and what it starts.</summary>
    public string OutsideConnection => Azurite.ConnectionString(forwarder.Port, "127.0.0.1", account);

    public static async Task<Site> BuildAsync(string account)
    {
        var network = await NetworkNamespace.CreateAsync("site");
        await network.IpAsync("link", "add", "name", Bridge, "type", "bridge");
        await network.IpAsync("address", "add", $"{Router}/24", "dev", Bridge);
        await network.IpAsync("link", "set", Bridge, "up");
        var (azurite, port) = await Azurite.StartAsync(Router, account, "ip", "netns", "exec", network.Name);
        return new Site(network, azurite, port, account);
    }

    /// <summary>Links a machine's network to the subnet.</summary>
    /// <returns>The machine's address, which no other machine had before.</returns>
    public async Task<string> LinkAsync(NetworkNamespace machine)
    {
        var number = Interlocked.Increment(ref machines) + 3;
        var (address, port) = (
            string.Create(CultureInfo.InvariantCulture, $"{Subnet}.{number}"),
            string.Create(CultureInfo.InvariantCulture, $"port{number}")
        );
        await network.IpAsync("link", "add", "name", port, "type", "veth", "peer", "name", "eth0", "netns", machine.Name);
        await network.IpAsync("link", "set", port, "master", Bridge, "up");
        await machine.IpAsync("address", "add", $"{address}/24", "dev", "eth0");
        await machine.IpAsync("link", "set", "eth0", "up");
        // Of the metadata service, which never leaves a machine.
        await machine.IpAsync("address", "add", $"{FakeAzure.Address.Host}/32", "dev", "lo");
        return address;
    }

    public async ValueTask DisposeAsync()
    {
        await forwarder.DisposeAsync();
        azurite.StandardInput.Close();
        await azurite.WaitForExitAsync();
        azurite.Dispose();
        await network.DisposeAsync();
    }
}
