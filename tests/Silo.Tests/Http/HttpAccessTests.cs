using System.Net;
using System.Net.Sockets;
using System.Text;
using Slowrun.Silo.Tests.Telemetry;
using Slowrun.Storage;

namespace Slowrun.Silo.Tests.Http;

/// <summary>Whom a silo's web server answers.</summary>
[Collection(Metric.OneAtATime)]
public sealed class HttpAccessTests(HttpAccessTests.Silos silos) : IClassFixture<HttpAccessTests.Silos>
{
    private const string Token = "0123456789abcdef";

    // As many as the server lets stay.
    private const int Idle = 256;

    private static CancellationToken Stop => TestContext.Current.CancellationToken;

    [Theory]
    [InlineData("/metrics", null, 401)]
    [InlineData("/", null, 401)]
    [InlineData("/healthz/", null, 401)]
    [InlineData("/HEALTHZ", null, 401)]
    [InlineData("/metrics", "Bearer 0123456789abcdeF", 401)]
    [InlineData("/metrics", "Bearer ", 401)]
    [InlineData("/metrics", "Bearer 0123456789abcdef0", 401)]
    [InlineData("/metrics", "Basic 0123456789abcdef", 401)]
    [InlineData("/metrics", "0123456789abcdef", 401)]
    [InlineData("/metrics", "Bearer 0123456789abcdef", 200)]
    [InlineData("/metrics", "bearer 0123456789abcdef", 200)]
    [InlineData("/healthz", null, 200)]
    [InlineData("/readyz", null, 200)]
    public async Task Asked_WithAToken_LetsOnlyItsBearersInButForHealth(string path, string? authorization, int status)
    {
        using var answer = await AskAsync(silos.WithToken, path, "silo.example", authorization);

        Assert.Equal(status, (int)answer.StatusCode);
        Assert.Equal(status == 401, answer.Headers.WwwAuthenticate.Count > 0);
    }

    [Theory]
    [InlineData("localhost:9464", 200)]
    [InlineData("127.0.0.1:9464", 200)]
    [InlineData("[::1]:9464", 200)]
    [InlineData("evil.example:9464", 421)]
    [InlineData("localhost.evil.example", 421)]
    public async Task Asked_WithoutAToken_AnswersNoNameThatAWebPageCouldHaveLedHere(string host, int status)
    {
        using var answer = await AskAsync(silos.Open, "/metrics", host, authorization: null);

        Assert.Equal(status, (int)answer.StatusCode);
    }

    [Fact]
    public async Task Asked_UnderNoNameAtAll_DoesNotAnswer()
    {
        using var client = new TcpClient();
        await client.ConnectAsync(IPAddress.Loopback, silos.Open.Http.BaseAddress!.Port, Stop);
        await client.GetStream().WriteAsync("GET /metrics HTTP/1.0\r\n\r\n"u8.ToArray(), Stop);
        using var reader = new StreamReader(client.GetStream(), Encoding.ASCII);

        Assert.Contains(" 421 ", await reader.ReadLineAsync(Stop), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Tokens_WrongTooOften_AreTooManyAndTheRightOneStillLetsIn()
    {
        // A separate silo: other tests of this class send wrong tokens too.
        await using var silo = await TestSilo.StartAsync(new MemoryStore("memory:http-3"), "http-3", metadata: null, Stop, Token);
        var statuses = new List<int>();
        for (var i = 0; i < 12; i++)
        {
            using var wrong = await AskAsync(silo, "/metrics", "silo.example", $"Bearer wrong-{i}");
            statuses.Add((int)wrong.StatusCode);
        }

        using var right = await AskAsync(silo, "/metrics", "silo.example", $"Bearer {Token}");
        Assert.Equal([.. Enumerable.Repeat(401, 10), 429, 429], statuses);
        Assert.Equal(HttpStatusCode.OK, right.StatusCode);
    }

    [Fact]
    public async Task Health_WhileAsManyConnectionsAsThereMayBeAreIdle_IsAnswered()
    {
        var idle = new List<TcpClient>();
        for (var i = 0; i < Idle; i++)
        {
            var client = new TcpClient();
            await client.ConnectAsync(IPAddress.Loopback, silos.WithToken.Http.BaseAddress!.Port, Stop);
            // Half of them have begun to ask, and never end.
            if (i % 2 == 0)
            {
                await client.GetStream().WriteAsync("GET /healthz HTTP/1.1\r\nHost: "u8.ToArray(), Stop);
            }

            idle.Add(client);
        }

        for (var i = 0; i < 3; i++)
        {
            using var other = new HttpClient { BaseAddress = silos.WithToken.Http.BaseAddress };
            using var answer = await other.GetAsync("/healthz", Stop);
            Assert.Equal(HttpStatusCode.OK, answer.StatusCode);
        }

        idle.ForEach(client => client.Dispose());
    }

    private static async Task<HttpResponseMessage> AskAsync(TestSilo silo, string path, string host, string? authorization)
    {
        using var request = new HttpRequestMessage(HttpMethod.Get, path);
        request.Headers.Host = host;
        if (authorization is not null)
        {
            request.Headers.TryAddWithoutValidation("Authorization", authorization);
        }

        return await silo.Http.SendAsync(request, Stop);
    }

    public sealed class Silos : IAsyncLifetime
    {
        internal TestSilo WithToken { get; private set; } = null!;

        internal TestSilo Open { get; private set; } = null!;

        public async ValueTask InitializeAsync()
        {
            WithToken = await TestSilo.StartAsync(new MemoryStore("memory:http-1"), "http-1", metadata: null, Stop, Token);
            Open = await TestSilo.StartAsync(new MemoryStore("memory:http-2"), "http-2", metadata: null, Stop);
            await WithToken.UntilReadyAsync();
        }

        public async ValueTask DisposeAsync()
        {
            await WithToken.DisposeAsync();
            await Open.DisposeAsync();
        }
    }
}
