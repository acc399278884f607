using System.Collections.Concurrent;
using System.Collections.Specialized;
using System.Globalization;
using System.Net;
using System.Text;
using System.Text.Json;

namespace Slowrun.Tests.Metadata;

/// <summary>
/// Azure's instance metadata service as far as Scheduled Events need it: refuses what the real one refuses, gives the same event the same id
/// in every answer, and misbehaves as told.
/// </summary>
internal sealed class MetadataServer : IAsyncDisposable
{
    public const string ApiVersion = "2020-07-01";
    private const string EventsPath = "/metadata/scheduledevents";
    private const string TokenPath = "/metadata/identity/oauth2/token";

    private readonly HttpListener listener;
    private readonly Task serving;
    private readonly List<Announced> events = [];
    private readonly Lock gate = new();
    private int incarnation = 1;
    private int ids;

    public MetadataServer()
        : this(Listen())
    {
    }

    /// <param name="port">For whatever name it is called by, of the network in which this is called; one of the process's own.</param>
    public MetadataServer(int port)
        : this((Listening($"http://*:{port}/"), new Uri($"http://127.0.0.1:{port}/")))
    {
    }

    private MetadataServer((HttpListener Listener, Uri Address) begun)
    {
        (listener, Address) = begun;
        serving = Task.Run(ServeAsync);
    }

    public Uri Address { get; }

    /// <summary>The machine that asks, as the service knows it.</summary>
    public string VmName { get; init; } = "trainer_3";

    /// <summary>How dates are written: RFC 1123 as documented, or ISO 8601.</summary>
    public string DateFormat { get; set; } = "R";

    /// <summary>Given instead of every answer: a status and a body. Null: behaves.</summary>
    public (int Status, string Body)? Misbehaviour { get; set; }

    /// <summary>The first answer comes when this ends.</summary>
    public Task FirstAnswer { get; init; } = Task.CompletedTask;

    /// <summary>The machine's address in its network.</summary>
    public string PrivateAddress { get; init; } = "10.0.0.4";

    /// <summary>The machine as a resource of Azure.</summary>
    public string ResourceId { get; init; } = "/subscriptions/s/resourceGroups/g/providers/Microsoft.Compute/virtualMachines/trainer_3";

    /// <summary>The identity that tokens are given for.</summary>
    public string? IdentityId { get; init; }

    /// <summary>Answers what is not the metadata service's, for whoever is told the same address for something else; null: 404.</summary>
    public Func<HttpListenerRequest, (int Status, byte[] Body)?> Elsewhere { get; init; } = _ => null;

    /// <summary>Called when an event is acknowledged, before it starts.</summary>
    public Func<string, Task> OnAcknowledged { get; set; } = _ => Task.CompletedTask;

    /// <summary>Requests for events that were answered, well or badly.</summary>
    public int Answers => answers;

    private int answers;

    /// <summary>Requests that the real service would refuse, with the reason.</summary>
    public ConcurrentQueue<string> Refused { get; } = [];

    public ConcurrentQueue<string> Acknowledged { get; } = [];

    /// <summary>Announces an event; it stays until it is cancelled.</summary>
    /// <param name="notBefore">Null: it has started.</param>
    /// <returns>Its id.</returns>
    public string Announce(string type, DateTimeOffset? notBefore, params string[] resources)
    {
        lock (gate)
        {
            var id = string.Create(CultureInfo.InvariantCulture, $"C7061BAC-AFDC-4513-B24B-AA5F13A1{++ids:D4}");
            events.Add(new Announced(id, type, notBefore, resources));
            incarnation++;
            return id;
        }
    }

    public void Cancel(string id)
    {
        lock (gate)
        {
            events.RemoveAll(one => one.Id == id);
            incarnation++;
        }
    }

    public async ValueTask DisposeAsync()
    {
        listener.Close();
        await serving;
    }

    private async Task ServeAsync()
    {
        while (listener.IsListening)
        {
            try
            {
                var context = await listener.GetContextAsync();
                _ = Task.Run(() => AnswerAsync(context));
            }
            catch (Exception e) when (e is HttpListenerException or ObjectDisposedException)
            {
                return;
            }
        }
    }

    private async Task AnswerAsync(HttpListenerContext context)
    {
        await FirstAnswer;
        try
        {
            var (status, body) = Elsewhere(context.Request) ?? Encoded(await RespondAsync(context.Request));
            context.Response.StatusCode = status;
            await context.Response.OutputStream.WriteAsync(body);
            context.Response.Close();
        }
        catch (Exception e) when (e is HttpListenerException or ObjectDisposedException)
        {
            // Who asked is gone.
        }

        Interlocked.Increment(ref answers);
    }

    private async Task<(int Status, string Body)> RespondAsync(HttpListenerRequest request)
    {
        var path = request.Url!.AbsolutePath;
        var expected = path switch { EventsPath => ApiVersion, TokenPath => "2018-02-01", _ => "2021-02-01" };
        if (request.Headers["Metadata"] != "true")
        {
            return Refuse("the header 'Metadata: true' is missing");
        }

        if (request.QueryString["api-version"] != expected)
        {
            return Refuse($"api-version is '{request.QueryString["api-version"]}', not '{expected}'");
        }

        if (Misbehaviour is { } bad)
        {
            return bad;
        }

        return (request.HttpMethod, path) switch
        {
            ("GET", EventsPath) => (200, Document()),
            ("POST", EventsPath) => await StartAsync(request),
            ("GET", "/metadata/instance/compute/name") => (200, VmName),
            ("GET", "/metadata/instance/compute/resourceId") => (200, ResourceId),
            ("GET", "/metadata/instance/network/interface/0/ipv4/ipAddress/0/privateIpAddress") => (200, PrivateAddress),
            ("GET", TokenPath) => Token(request.QueryString),
            _ => (404, "{}"),
        };
    }

    /// <summary>The token that is given for a resource.</summary>
    public static string TokenFor(string resource) => $"token-for-{resource}";

    private (int Status, string Body) Token(NameValueCollection query) => IdentityId is { } identity && query["msi_res_id"] == identity
        ? (200, JsonSerializer.Serialize(new { access_token = TokenFor(query["resource"]!), client_id = "c0ffee00-0000-4000-8000-000000000000", token_type = "Bearer" }))
        : Refuse($"there is no identity '{query["msi_res_id"]}'");

    private async Task<(int Status, string Body)> StartAsync(HttpListenerRequest request)
    {
        using var body = await JsonDocument.ParseAsync(request.InputStream);
        foreach (var start in body.RootElement.GetProperty("StartRequests").EnumerateArray())
        {
            var id = start.GetProperty("EventId").GetString()!;
            await OnAcknowledged(id);
            Acknowledged.Enqueue(id);
            lock (gate)
            {
                var at = events.FindIndex(one => one.Id == id);
                if (at < 0)
                {
                    return Refuse($"there is no event '{id}'");
                }

                events[at] = events[at] with { NotBefore = null };
                incarnation++;
            }
        }

        return (200, "");
    }

    private string Document()
    {
        lock (gate)
        {
            return JsonSerializer.Serialize(new
            {
                DocumentIncarnation = incarnation,
                Events = events.Select(one => new
                {
                    EventId = one.Id,
                    EventType = one.Type,
                    ResourceType = "VirtualMachine",
                    one.Resources,
                    EventStatus = one.NotBefore is null ? "Started" : "Scheduled",
                    NotBefore = one.NotBefore?.ToString(DateFormat, CultureInfo.InvariantCulture) ?? "",
                    Description = "",
                    EventSource = "Platform",
                    DurationInSeconds = -1,
                }),
            });
        }
    }

    private (int Status, string Body) Refuse(string why)
    {
        Refused.Enqueue(why);
        return (400, JsonSerializer.Serialize(new { error = "Bad request" }));
    }

    private static (int Status, byte[] Body) Encoded((int Status, string Body) answer) => (answer.Status, Encoding.UTF8.GetBytes(answer.Body));

    /// <summary>A listener must be told a number: one that is taken is tried again with another.</summary>
    private static (HttpListener Listener, Uri Address) Listen()
    {
        while (true)
        {
            var address = new Uri($"http://127.0.0.1:{Random.Shared.Next(20000, 60000)}/");
            try
            {
                return (Listening(address.ToString()), address);
            }
            catch (HttpListenerException)
            {
            }
        }
    }

    private static HttpListener Listening(string prefix)
    {
        var listener = new HttpListener();
        listener.Prefixes.Add(prefix);
        try
        {
            listener.Start();
            return listener;
        }
        catch
        {
            listener.Close();
            throw;
        }
    }

    private sealed record Announced(string Id, string Type, DateTimeOffset? NotBefore, IReadOnlyList<string> Resources);
}
