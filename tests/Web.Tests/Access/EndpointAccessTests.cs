using System.Net;
using System.Text.RegularExpressions;
using Microsoft.AspNetCore.Authorization;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Routing;
using Microsoft.Extensions.Time.Testing;
using Slowrun.Web.Access;
using Slowrun.Web.Hosting;

namespace Slowrun.Web.Tests.Access;

/// <summary>Every endpoint that the server has mapped, asked by every kind of caller: a new endpoint is covered automatically.</summary>
public sealed partial class EndpointAccessTests : IAsyncLifetime
{
    private const string MetricsToken = "a-token-for-a-collector";

    // What is drawn before a log-in, and the log-in.
    private static readonly string[] OpenToAll = ["GET /assets/page.css", "GET /login", "POST /login", "POST /logout"];

    private readonly FakeTimeProvider time = new(TimeProvider.System.GetUtcNow());

    private TestPage page = null!;

    public async ValueTask InitializeAsync()
    {
        var store = await ExampleStore.CreateAsync(TestContext.Current.CancellationToken);
        await ExampleStore.MeasureEfficiencyAsync(store, ExampleStore.Running, TestContext.Current.CancellationToken);
        page = await TestPage.StartAsync(
            new WebOptions
            {
                Access = new AccessRules { Token = TestPage.Token, MetricsToken = MetricsToken },
                Metrics = routes => routes.MapGet(WebServer.MetricsPath, () => "metrics"),
                Time = time,
            },
            store
        );
    }

    public ValueTask DisposeAsync() => page.DisposeAsync();

    [Fact]
    public void Endpoints_AsTheyAreMapped_EachNameWhatTheyNeed()
    {
        var asked = Endpoints();

        Assert.All(
            asked,
            endpoint =>
                Assert.True(
                    endpoint.Needs is Permissions.Read or Permissions.Orders or Permissions.Metrics || OpenToAll.Contains(endpoint.Name),
                    $"{endpoint.Name} names no permission."
                )
        );
        Assert.Equal(OpenToAll, asked.Where(endpoint => endpoint.Needs is null).Select(endpoint => endpoint.Name).Order());
        Assert.Equal(4, asked.Count(endpoint => endpoint.Needs == Permissions.Orders));
        Assert.True(asked.Count > 25, $"Only {asked.Count} were found.");
        // What changes something is an order, or a log-in.
        Assert.All(asked.Where(endpoint => endpoint.Method != "GET"), endpoint => Assert.NotEqual(Permissions.Read, endpoint.Needs));
    }

    [Theory]
    [InlineData(null, 401, 401, 401)]
    [InlineData("a-token-that-is-not-it", 401, 401, 401)]
    [InlineData(TestPage.Token + "1", 401, 401, 401)]
    [InlineData(MetricsToken, 403, 403, 200)]
    [InlineData(TestPage.Token, 200, 200, 200)]
    public async Task Endpoints_AskedWithAToken_AnswerOnlyWhereItIsEnough(string? token, int read, int orders, int metrics)
    {
        foreach (var endpoint in Endpoints().Where(endpoint => endpoint.Needs is not null))
        {
            using var answer = await AskAsync(endpoint, request => TestPage.Authorize(request, token));

            var expected =
                endpoint.Needs == Permissions.Read ? read
                : endpoint.Needs == Permissions.Orders ? orders
                : metrics;
            Assert.True(expected == Kind(endpoint, answer), $"{endpoint.Name}: {answer.StatusCode}, expected {expected}");
        }
    }

    [Fact]
    public async Task Endpoints_AskedUnderAForeignHostName_AnswerOnlyACollector()
    {
        foreach (var endpoint in Endpoints())
        {
            using var answer = await AskAsync(
                endpoint,
                request =>
                {
                    request.Headers.Host = "elsewhere.example";
                    TestPage.Authorize(request, TestPage.Token);
                }
            );

            Assert.True(
                (endpoint.Needs == Permissions.Metrics ? HttpStatusCode.OK : HttpStatusCode.MisdirectedRequest) == answer.StatusCode,
                $"{endpoint.Name}: {answer.StatusCode}"
            );
        }
    }

    [Fact]
    public async Task Endpoints_ThatChangeSomething_TakeNothingFromAnotherSite()
    {
        foreach (var endpoint in Endpoints().Where(endpoint => endpoint.Method != "GET"))
        {
            using var answer = await AskAsync(
                endpoint,
                request =>
                {
                    request.Headers.Add("Origin", "https://elsewhere.example");
                    TestPage.Authorize(request, TestPage.Token);
                }
            );

            Assert.True(HttpStatusCode.Forbidden == answer.StatusCode, $"{endpoint.Name}: {answer.StatusCode}");
            Assert.Contains("must come from the page itself", await answer.Content.ReadAsStringAsync(Stop), StringComparison.Ordinal);
        }
    }

    private static CancellationToken Stop => TestContext.Current.CancellationToken;

    /// <summary>200 for every answer to an authorized request; 401 also where a browser is sent to log in.</summary>
    private static int Kind(Asked endpoint, HttpResponseMessage answer) =>
        answer.StatusCode switch
        {
            HttpStatusCode.Unauthorized => 401,
            HttpStatusCode.Forbidden => 403,
            HttpStatusCode.Redirect when answer.Headers.Location!.OriginalString.StartsWith("/login", StringComparison.Ordinal) => 401,
            HttpStatusCode.OK or HttpStatusCode.SeeOther => 200,
            HttpStatusCode.NotFound when endpoint.Path == "/nothing" => 200,
            // There is no spec in it, or nothing to set.
            HttpStatusCode.BadRequest when endpoint.Name is "POST /api/v1/runs" or $"POST /api/v1/runs/{ExampleStore.Running}/operations" =>
                200,
            var other => (int)other,
        };

    private async Task<HttpResponseMessage> AskAsync(Asked endpoint, Action<HttpRequestMessage> change)
    {
        // Wrong tokens are too many after ten in a minute.
        time.Advance(TimeSpan.FromMinutes(1));
        return await page.SendAsync(new HttpMethod(endpoint.Method), endpoint.Path, change);
    }

    private List<Asked> Endpoints() =>
        [
            .. page
                .Endpoints.Cast<RouteEndpoint>()
                .Select(endpoint => new Asked(
                    endpoint.Metadata.GetMetadata<IHttpMethodMetadata>()?.HttpMethods[0] ?? "GET",
                    "/" + Filled(endpoint.RoutePattern.RawText!).TrimStart('/'),
                    endpoint.Metadata.GetMetadata<IAllowAnonymous>() is null
                        ? endpoint.Metadata.GetMetadata<IAuthorizeData>()?.Policy
                        : null
                )),
        ];

    /// <summary>An address that the pattern fits.</summary>
    private static string Filled(string pattern) =>
        pattern.EndsWith("v1/compare", StringComparison.Ordinal)
            ? $"{pattern}?run={ExampleStore.Running}&run={ExampleStore.Finished}"
            : Parameter()
                .Replace(
                    pattern,
                    found =>
                        found.Groups[1].Value switch
                        {
                            "run" => ExampleStore.Running,
                            "order" => "resume",
                            "documentName" => "v1",
                            "name" => "page.css",
                            "plot" => "training",
                            "path" => "nothing",
                            var other => throw new InvalidOperationException(
                                $"What stands for '{other}' of '{pattern}' is to be said here."
                            ),
                        }
                );

    /// <param name="Needs">Null: open to all, or forgotten.</param>
    private sealed record Asked(string Method, string Path, string? Needs)
    {
        public string Name => $"{Method} {Path}";
    }

    [GeneratedRegex(@"\{\*{0,2}([a-zA-Z]+)[^}]*\}")]
    private static partial Regex Parameter();
}
