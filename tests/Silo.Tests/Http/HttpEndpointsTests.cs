using System.Globalization;
using System.Net;
using System.Net.Sockets;
using Slowrun.Silo.Hosting;
using Slowrun.Silo.Http;
using Slowrun.Silo.Tests.Telemetry;
using Slowrun.Storage;

namespace Slowrun.Silo.Tests.Http;

[Collection(Metric.OneAtATime)]
public sealed class HttpEndpointsTests
{
    [Fact]
    public async Task Start_WhereThePortIsTaken_SaysWhichAndWhatToDo()
    {
        using var other = new TcpListener(IPAddress.Loopback, 0);
        other.Start();
        var port = ((IPEndPoint)other.LocalEndpoint).Port;
        using var host = await SiloHost.BuildAsync(
            new SiloSettings
            {
                Store = "memory:",
                Slots = ["cpu:0"],
                Http = HttpSettings.Parse(new HttpArguments { Http = port.ToString(CultureInfo.InvariantCulture) }),
            },
            new MemoryStore(),
            TestContext.Current.CancellationToken
        );

        var error = await Assert.ThrowsAsync<IOException>(() => host.StartAsync(TestContext.Current.CancellationToken));

        Assert.Contains($"127.0.0.1:{port} (option --http)", error.Message, StringComparison.Ordinal);
    }
}
