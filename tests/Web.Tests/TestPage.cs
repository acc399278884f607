using System.Net;
using System.Net.Http.Headers;
using System.Text.Json;
using Slowrun.Storage;
using Slowrun.Web.Hosting;

namespace Slowrun.Web.Tests;

/// <summary>The page on a free port of loopback, and a client of it.</summary>
internal sealed class TestPage : IAsyncDisposable
{
    public const string Token = "a-token-of-twenty-letters";

    private readonly PageServer server;

    private TestPage(PageServer server, IObjectStore store, NobodyLive live)
    {
        (this.server, Store, Live) = (server, store, live);
        Client = new HttpClient(new HttpClientHandler { AllowAutoRedirect = false, UseCookies = false }) { BaseAddress = server.Address };
    }

    public HttpClient Client { get; }

    public IObjectStore Store { get; }

    public NobodyLive Live { get; }

    public Uri Address => server.Address;

    private static CancellationToken Stop => TestContext.Current.CancellationToken;

    public static Task<TestPage> StartAsync(string? token = null, IObjectStore? store = null) =>
        StartAsync(new PageOptions { Token = token, FollowEvery = TimeSpan.FromMilliseconds(50) }, store);

    public static async Task<TestPage> StartAsync(PageOptions options, IObjectStore? store = null)
    {
        store ??= await ExampleStore.CreateAsync(Stop);
        var live = new NobodyLive();
        return new TestPage(await PageServer.StartAsync(options, store, live, TimeProvider.System, Stop), store, live);
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

    public async ValueTask DisposeAsync()
    {
        Client.Dispose();
        await server.DisposeAsync();
    }

    private static void Authorize(HttpRequestMessage request, string? bearer) =>
        request.Headers.Authorization = bearer is null ? null : new AuthenticationHeaderValue("Bearer", bearer);
}
