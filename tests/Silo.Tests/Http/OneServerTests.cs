using System.Net;
using System.Net.Http.Headers;
using Microsoft.AspNetCore.Authorization;
using Microsoft.AspNetCore.Routing;
using Slowrun.Silo.Http;
using Slowrun.Silo.Tests.Telemetry;
using Slowrun.Storage;

namespace Slowrun.Silo.Tests.Http;

/// <summary>Page, API, metrics and health of a silo, behind the same rules at each of its addresses.</summary>
[Collection(Metric.OneAtATime)]
public sealed class OneServerTests(OneServerTests.Silos silos) : IClassFixture<OneServerTests.Silos>
{
    private const string Token = "0123456789abcdef";
    private const string Collectors = "fedcba9876543210";

    private static CancellationToken Stop => TestContext.Current.CancellationToken;

    /// <summary>An address of <c>--http</c> beside one of <c>--page</c>: no page, no log-in, no orders.</summary>
    [Theory]
    [InlineData("/metrics", Token, 200)]
    [InlineData("/healthz", null, 200)]
    [InlineData("/api/v1/runs", Token, 404)]
    [InlineData("/", Token, 404)]
    [InlineData("/login", Token, 404)]
    [InlineData("/login", null, 401)]
    [InlineData("/assets/page.css", Token, 404)]
    public async Task Asked_AtAnAddressThatIsNotThePages_AnswersMetricsAndHealthAlone(string path, string? token, int status)
    {
        Assert.Equal(2, silos.WithTokens.Web.Addresses!.Count);
        using var request = new HttpRequestMessage(HttpMethod.Get, new Uri(silos.WithTokens.Web.Addresses![0], path));
        request.Headers.Authorization = token is null ? null : new AuthenticationHeaderValue("Bearer", token);

        using var answer = await silos.WithTokens.Http.SendAsync(request, Stop);

        Assert.Equal(status, (int)answer.StatusCode);
    }

    [Theory]
    [InlineData("/metrics", null, 401)]
    [InlineData("/metrics", Collectors, 200)]
    [InlineData("/metrics", Token, 200)]
    [InlineData("/api/v1/runs", null, 401)]
    [InlineData("/api/v1/runs", Collectors, 403)]
    [InlineData("/api/v1/runs", Token, 200)]
    [InlineData("/", Collectors, 403)]
    [InlineData("/", Token, 200)]
    [InlineData("/healthz", null, 200)]
    [InlineData("/readyz", "a-wrong-token-here", 200)]
    public async Task Asked_AtThePagesAddress_LetsEachTokenInWhereItIsEnough(string path, string? token, int status)
    {
        using var request = new HttpRequestMessage(HttpMethod.Get, new Uri(silos.WithTokens.Web.Addresses![1], path));
        request.Headers.Authorization = token is null ? null : new AuthenticationHeaderValue("Bearer", token);

        using var answer = await silos.WithTokens.Http.SendAsync(request, Stop);

        Assert.Equal(status, (int)answer.StatusCode);
    }

    [Theory]
    [InlineData("/metrics", 200)]
    [InlineData("/Metrics/", 200)]
    [InlineData("/api/v1/runs", 421)]
    [InlineData("/", 421)]
    [InlineData("/healthz", 200)]
    public async Task Asked_UnderAnotherName_AnswersCollectorsAndSupervisorsAlone(string path, int status)
    {
        using var request = new HttpRequestMessage(HttpMethod.Get, new Uri(silos.WithTokens.Web.Addresses![1], path));
        request.Headers.Host = "silo.example";
        request.Headers.Authorization = new AuthenticationHeaderValue("Bearer", Token);

        using var answer = await silos.WithTokens.Http.SendAsync(request, Stop);

        Assert.Equal(status, (int)answer.StatusCode);
    }

    [Fact]
    public async Task Metrics_WithoutATokenUnderAnotherName_AreNotServedBesideThePageEither()
    {
        using var request = new HttpRequestMessage(HttpMethod.Get, "/metrics");
        request.Headers.Host = "evil.example";

        using var answer = await silos.Open.Http.SendAsync(request, Stop);

        Assert.Equal(HttpStatusCode.MisdirectedRequest, answer.StatusCode);
    }

    [Fact]
    public void Endpoints_OfASilo_EachNameWhatTheyNeedOrAreOfTheLogIn()
    {
        var mapped = silos.WithTokens.Web.Mapped.Cast<RouteEndpoint>().ToList();

        Assert.Contains(mapped, endpoint => endpoint.RoutePattern.RawText == "/metrics");
        Assert.All(
            mapped,
            endpoint =>
                Assert.True(
                    endpoint.Metadata.GetMetadata<IAuthorizeData>()?.Policy is not null
                        || endpoint.RoutePattern.RawText is "/login" or "/logout" or "/assets/{name}",
                    endpoint.DisplayName
                )
        );
    }

    public sealed class Silos : IAsyncLifetime
    {
        internal TestSilo WithTokens { get; private set; } = null!;

        internal TestSilo Open { get; private set; } = null!;

        public async ValueTask InitializeAsync()
        {
            WithTokens = await StartAsync(
                "one-server-1",
                new HttpArguments
                {
                    Http = "0",
                    HttpToken = Collectors,
                    Token = Token,
                    Page = true,
                    PagePort = 0,
                }
            );
            Open = await StartAsync("one-server-2", new HttpArguments { Page = true, PagePort = 0 });
            await WithTokens.UntilReadyAsync();
        }

        public async ValueTask DisposeAsync()
        {
            await WithTokens.DisposeAsync();
            await Open.DisposeAsync();
        }

        private static Task<TestSilo> StartAsync(string name, HttpArguments http) =>
            TestSilo.StartAsync(new MemoryStore($"memory:{name}"), name, metadata: null, Stop, http: http);
    }
}
