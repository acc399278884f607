using System.Net;
using System.Net.Http.Headers;
using System.Text;
using System.Text.Json;
using Microsoft.AspNetCore.Http;
using Slowrun.Storage;
using Slowrun.Web.Access;
using Slowrun.Web.Hosting;

namespace Slowrun.Web.Tests;

/// <summary>The page on a free port of loopback, and a client of it.</summary>
internal sealed class TestPage : IAsyncDisposable
{
    public const string Token = "a-token-of-twenty-letters";

    private readonly WebServer server;

    private TestPage(WebServer server, IObjectStore store, NobodyLive live)
    {
        (this.server, Store, Live) = (server, store, live);
        Client = new HttpClient(
            new SocketsHttpHandler
            {
                AllowAutoRedirect = false,
                UseCookies = false,
                Expect100ContinueTimeout = Timeout.InfiniteTimeSpan,
            }
        )
        {
            BaseAddress = server.Address,
        };
    }

    public HttpClient Client { get; }

    public IObjectStore Store { get; }

    public NobodyLive Live { get; }

    public Uri Address => server.Address;

    public IReadOnlyList<Endpoint> Endpoints => server.Endpoints;

    private static CancellationToken Stop => TestContext.Current.CancellationToken;

    public static Task<TestPage> StartAsync(string? token = null, IObjectStore? store = null) =>
        StartAsync(new WebOptions { Access = new AccessRules { Token = token } }, store);

    public static async Task<TestPage> StartAsync(WebOptions options, IObjectStore? store = null)
    {
        store ??= await ExampleStore.CreateAsync(Stop);
        var live = new NobodyLive();
        // Tests ask without a pause.
        var page = new PageSource(store, live, TimeProvider.System) { FollowEvery = TimeSpan.FromMilliseconds(50) };
        return new TestPage(await WebServer.StartAsync(options with { Page = page, CpuShare = 1 }, Stop), store, live);
    }

    public Task<HttpResponseMessage> GetAsync(string path, string? bearer = null) =>
        SendAsync(HttpMethod.Get, path, request => Authorize(request, bearer));

    public Task<HttpResponseMessage> PostAsync(string path, string? bearer = null, HttpContent? content = null) =>
        SendAsync(
            HttpMethod.Post,
            path,
            request =>
            {
                request.Content = content;
                Authorize(request, bearer);
            }
        );

    /// <summary>Posts a body that is refused before it is read, and so is not sent: the server closes the connection, and a client that
    /// still sent would perhaps see that instead of the answer.</summary>
    public Task<HttpResponseMessage> PostUnreadAsync(string path, string? bearer, HttpContent content) =>
        SendAsync(
            HttpMethod.Post,
            path,
            request =>
            {
                request.Content = content;
                request.Headers.ExpectContinue = true;
                Authorize(request, bearer);
            }
        );

    public async Task<HttpResponseMessage> SendAsync(HttpMethod method, string path, Action<HttpRequestMessage> change)
    {
        using var request = new HttpRequestMessage(method, path);
        change(request);
        return await Client.SendAsync(request, HttpCompletionOption.ResponseHeadersRead, Stop);
    }

    public async Task<JsonElement> JsonAsync(string path, HttpStatusCode expected = HttpStatusCode.OK)
    {
        using var answer = await GetAsync(path);
        var text = await answer.Content.ReadAsStringAsync(Stop);
        Assert.True(expected == answer.StatusCode, $"{path}: {answer.StatusCode} {text}");
        using var document = JsonDocument.Parse(text);
        return document.RootElement.Clone();
    }

    /// <returns>The cookie, as it is sent.</returns>
    public async Task<string> LogInAsync()
    {
        using var answer = await PostAsync("/login", content: Form(Token, "/"));
        return Assert.Single(answer.Headers.GetValues("Set-Cookie")).Split(';')[0];
    }

    /// <summary>The status of a request for the runs with the cookie.</summary>
    public async Task<HttpStatusCode> StatusAsync(string cookie)
    {
        using var answer = await SendAsync(HttpMethod.Get, "/api/v1/runs", request => request.Headers.Add("Cookie", cookie));
        return answer.StatusCode;
    }

    public static StringContent Form(string token, string to) =>
        new($"token={Uri.EscapeDataString(token)}&to={Uri.EscapeDataString(to)}", Encoding.UTF8, "application/x-www-form-urlencoded");

    public async ValueTask DisposeAsync()
    {
        Client.Dispose();
        await server.DisposeAsync();
    }

    public static void Authorize(HttpRequestMessage request, string? bearer) =>
        request.Headers.Authorization = bearer is null ? null : new AuthenticationHeaderValue("Bearer", bearer);
}
