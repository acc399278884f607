using System.Net.Sockets;
using System.Text;
using System.Text.Json.Nodes;
using Slowrun.Clustering.Membership;
using Slowrun.Clustering.Security;
using Slowrun.Clustering.Tests.Hosting;
using Slowrun.Core.Plan;
using Slowrun.Storage;
using Slowrun.Storage.Runs;

namespace Slowrun.Clustering.Tests.Security;

/// <summary>Who gets in at the ports of a real silo, and who does not.</summary>
public sealed class DoorTests : IAsyncLifetime
{
    private readonly MemoryStore store = new();
    private readonly KeptLog log = new();
    private TestSilo silo = null!;
    private StoreCluster cluster = null!;

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    public async ValueTask InitializeAsync()
    {
        silo = await TestSilo.CreateAsync(store, "a", log: log);
        await silo.StartAsync(Cancel);
        cluster = await StoreCluster.ReadAsync(store, Cancel);
        log.Lines.Clear();
    }

    public async ValueTask DisposeAsync()
    {
        await silo.DisposeAsync();
        log.Dispose();
    }

    public static TheoryData<string> Impostors => ["no TLS", "no certificate", "another certificate"];

    [Theory]
    [MemberData(nameof(Impostors))]
    public async Task Gateway_WhenAStrangerCalls_AnswersNothing_SaysSoInOneLine_AndServesOn(string impostor)
    {
        using var other = impostor == "another certificate" ? ClusterCertificate.Of(ClusterCertificate.Make()).Certificate : null;
        for (var times = 0; times < 2; times++)
        {
            var error = await Record.ExceptionAsync(() => Stranger.CallAsync(silo.Gateway, impostor != "no TLS", other, cluster, Cancel));
            Assert.NotNull(error);
        }

        Assert.Null(await store.TryReadAsync(RunPaths.Root("forged", new StageId(0, 0)), Cancel));
        var told = Assert.Single(log.Told);
        Assert.Contains("A connection to the gateway port, 127.0.0.1:", told, StringComparison.Ordinal);
        Assert.Contains(
            impostor switch
            {
                "no TLS" => "it speaks no TLS",
                "no certificate" => "its TLS handshake failed, or it presented no certificate",
                _ => "its certificate is not the store's",
            },
            told,
            StringComparison.Ordinal
        );
        await using var client = await TestClient.ConnectAsync(store, Cancel);
        Assert.Equal(1, await client.Grains.GetGrain<ICounterGrain>("r/chain0/stage0").Add(1));
    }

    [Fact]
    public async Task Ports_WhenSomebodyOnlyAsksWhetherTheyAnswer_SayNothing()
    {
        foreach (var endpoint in new[] { silo.Gateway, SiloAddress.FromParsableString(silo.Address).Endpoint })
        {
            using var socket = new Socket(endpoint.AddressFamily, SocketType.Stream, ProtocolType.Tcp);
            await socket.ConnectAsync(endpoint, Cancel);
            socket.Shutdown(SocketShutdown.Send);
            Assert.Equal(0, await socket.ReceiveAsync(new byte[1], Cancel));
        }

        Assert.Empty(log.Told);
    }

    [Fact]
    public async Task Gateway_WhenHundredsOfIdleConnectionsAreHeld_LetsAClientIn()
    {
        var held = new List<Socket>();
        try
        {
            for (var i = 0; i < 300; i++)
            {
                held.Add(new Socket(silo.Gateway.AddressFamily, SocketType.Stream, ProtocolType.Tcp));
                await held[^1].ConnectAsync(silo.Gateway, Cancel);
            }

            await using var client = await TestClient.ConnectAsync(store, Cancel);
            Assert.Equal(1, await client.Grains.GetGrain<ICounterGrain>("r/chain0/stage0").Add(1));
        }
        finally
        {
            held.ForEach(socket => socket.Dispose());
        }
    }

    [Fact]
    public async Task Rotate_WhileAClusterLives_BreaksNoConnectionAndRefusesNobody()
    {
        await using var second = await TestSilo.StartAsync(store, "b", Cancel);
        await using var before = await TestClient.ConnectAsync(store, Cancel);
        var counter = before.Grains.GetGrain<ICounterGrain>("r/chain0/stage0");
        Assert.Equal(1, await counter.Add(1));

        await new CertificateFile(store).RotateAsync(keepPrevious: true, Cancel);

        // The silos were not notified: they learn of it when the client connects.
        await using var after = await TestClient.ConnectAsync(store, Cancel);
        Assert.Equal(2, await after.Grains.GetGrain<ICounterGrain>("r/chain0/stage0").Add(1));
        await using var third = await TestSilo.StartAsync(store, "c", Cancel);
        // Other grains: while a silo joins, Orleans may have two activations of one for a moment, of which one loses its write.
        Assert.Equal(1, await third.Grains.GetGrain<ICounterGrain>("r/chain0/stage1").Add(1));
        Assert.Equal(1, await before.Grains.GetGrain<ICounterGrain>("r/chain0/stage2").Add(1));
        Assert.Empty(log.Told);
    }

    [Fact]
    public async Task Rotate_WithoutThePrevious_EndsItsConnections_AndThoseWhoReadTheStoreGoOn()
    {
        await using var client = await TestClient.ConnectAsync(store, Cancel);
        var old = await new CertificateFile(store).ReadOrMakeAsync(Cancel);
        Assert.Equal(1, await Stranger.CallAsync(silo.Gateway, speaksTls: true, old.Current.Certificate, cluster, Cancel));

        var rotation = new CertificateRotation(store);
        var sha256 = await rotation.RotateAsync(keepPrevious: false, Cancel);
        Assert.True(await rotation.TryTellAsync(silo.Address, TimeSpan.FromSeconds(20), Cancel));

        Assert.NotEqual(old.Current.Sha256, sha256);
        Assert.NotNull(
            await Record.ExceptionAsync(() => Stranger.CallAsync(silo.Gateway, speaksTls: true, old.Current.Certificate, cluster, Cancel))
        );
        var counter = client.Grains.GetGrain<ICounterGrain>("r/chain0/stage0");
        Assert.Equal(1, await AskUntilAnsweredAsync(() => counter.Add(1)));
    }

    [Fact]
    public async Task Gateway_WhenAClientOfAnotherStoresClusterCalls_RefusesItThoughItHasTheCertificate()
    {
        var certificate = (await new CertificateFile(store).ReadOrMakeAsync(Cancel)).Current.Certificate;

        var refused = await Record.ExceptionAsync(() =>
            Stranger.CallAsync(silo.Gateway, speaksTls: true, certificate, new StoreCluster(Guid.NewGuid().ToString("N")), Cancel)
        );

        Assert.NotNull(refused);
        Assert.Null(await store.TryReadAsync(RunPaths.Root("forged", new StageId(0, 0)), Cancel));
        Assert.Equal(
            1,
            await Stranger.CallAsync(silo.Gateway, speaksTls: true, certificate, await StoreCluster.ReadAsync(store, Cancel), Cancel)
        );
    }

    [Fact]
    public async Task SiloPort_WhenASiloOfAnotherStoresClusterCalls_RefusesItThoughItHasTheCertificate()
    {
        // A store with this one's certificate, in which the silo's address is that of a silo that is gone: it was given to another machine
        // since.
        var other = new MemoryStore();
        await other.WriteAsync(CertificateFile.Name, (await store.TryReadAsync(CertificateFile.Name, Cancel))!.Content, Cancel);
        var table = JsonNode.Parse((await store.TryReadAsync("cluster/membership", Cancel))!.Content.Span)!.AsObject();
        table["clusterId"] = new StoreCluster(Guid.NewGuid().ToString("N")).Id;
        var row = table["rows"]![0]!.AsObject();
        row.Remove("process");
        row["heartbeatSeconds"] = 1;
        await other.WriteAsync("cluster/membership", Encoding.UTF8.GetBytes(table.ToJsonString()), Cancel);

        await using var stranger = await TestSilo.CreateAsync(other, "stranger");
        await stranger.StartAsync(Cancel);

        // It could reach no silo at that address, and so declared a dead.
        var seen = JsonNode.Parse((await other.TryReadAsync("cluster/membership", Cancel))!.Content.Span)!["rows"]!.AsArray();
        Assert.Equal(
            [("a", "Dead"), ("stranger", "Active")],
            seen.Select(found => ((string)found!["siloName"]!, (string)found["status"]!))
        );
        Assert.Equal(1, await silo.Grains.GetGrain<ICounterGrain>("r/chain0/stage0").Add(1));
    }

    [Fact]
    public async Task Tell_WhenNobodyListens_SaysSo()
    {
        var rotation = new CertificateRotation(store);
        await rotation.RotateAsync(keepPrevious: true, Cancel);

        Assert.False(await rotation.TryTellAsync("127.0.0.1:1@1", TimeSpan.FromSeconds(2), Cancel));
        Assert.True(await rotation.TryTellAsync(silo.Address, TimeSpan.FromSeconds(20), Cancel));
    }

    [Fact]
    public async Task Silo_WhenTheDocumentIsDeletedOrDamaged_GoesOnWithWhatItKnows()
    {
        await store.TryDeleteAsync(CertificateFile.Name, cancellationToken: Cancel);
        Assert.NotNull(await Record.ExceptionAsync(() => Stranger.CallAsync(silo.Gateway, speaksTls: true, null, cluster, Cancel)));
        await using var second = await TestSilo.StartAsync(store, "b", Cancel);
        Assert.Equal(1, await second.Grains.GetGrain<ICounterGrain>("r/chain0/stage0").Add(1));

        await store.WriteAsync(CertificateFile.Name, "{"u8.ToArray(), Cancel);
        Assert.Equal(2, await silo.Grains.GetGrain<ICounterGrain>("r/chain0/stage0").Add(1));
        Assert.Contains(
            "is no certificate",
            (await Record.ExceptionAsync(() => TestSilo.StartAsync(store, "c", Cancel)))?.ToString(),
            StringComparison.Ordinal
        );
    }

    private static async Task<int> AskUntilAnsweredAsync(Func<Task<int>> ask)
    {
        int? answer = null;
        await Until.HoldsAsync(async () =>
        {
            try
            {
                answer = await ask();
                return true;
            }
            catch (Exception e) when (e is OrleansException or TimeoutException)
            {
                return false;
            }
        });
        return answer!.Value;
    }
}
