using System.Collections.Concurrent;
using System.Globalization;
using System.Net;
using System.Text;
using System.Text.Json;

namespace Slowrun.Fleet.Chaos.Platform;

/// <summary>
/// Azure's instance metadata service as far as Scheduled Events need it: refuses what the real one refuses, and gives the same event the
/// same id in every answer. One for a whole fleet, as a scale set's machines all see the events of all.
/// </summary>
internal class MetadataServer : IAsyncDisposable
{
    public const string ApiVersion = "2020-07-01";

    // Below the ports that Linux gives to outgoing connections.
    private const int FirstPort = 20000;
    private const int LastPort = 32767;
    private const string EventsPath = "/metadata/scheduledevents";

    private readonly HttpListener listener;
    private readonly Task serving;
    private readonly List<Announced> events = [];
    private readonly Lock gate = new();
    private int incarnation = 1;
    private int ids;

    public MetadataServer()
        : this(Listen()) { }

    /// <param name="begun">A listener that listens, and where it is reached.</param>
    protected MetadataServer((HttpListener Listener, Uri Address) begun)
    {
        (listener, Address) = begun;
        serving = Task.Run(ServeAsync);
    }

    public Uri Address { get; }

    /// <summary>The machine that asks, as the service knows it.</summary>
    public string VmName { get; init; } = "trainer_3";

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
        GC.SuppressFinalize(this);
        listener.Close();
        await serving;
    }

    /// <summary>RFC 1123, as documented.</summary>
    protected virtual string Text(DateTimeOffset date) => date.ToString("R", CultureInfo.InvariantCulture);

    /// <summary>The version of the service that a path is to be asked with; null: the path is not the service's, and
    /// <see cref="AnswerAsync"/> judges alone.</summary>
    protected virtual string? VersionOf(string path) => path == EventsPath ? ApiVersion : "2021-02-01";

    /// <summary>To a request that is not refused.</summary>
    protected virtual async Task<(int Status, byte[] Body)> AnswerAsync(HttpListenerRequest request)
    {
        ArgumentNullException.ThrowIfNull(request);
        return (request.HttpMethod, request.Url!.AbsolutePath) switch
        {
            ("GET", EventsPath) => Encoded(200, Document()),
            ("POST", EventsPath) => await StartAsync(request),
            ("GET", "/metadata/instance/compute/name") => Encoded(200, VmName),
            ("GET", "/metadata/instance/compute/azEnvironment") => Encoded(200, "AzurePublicCloud"),
            _ => Encoded(404, "{}"),
        };
    }

    private async Task ServeAsync()
    {
        while (listener.IsListening)
        {
            try
            {
                var context = await listener.GetContextAsync();
                _ = Task.Run(() => RespondAsync(context));
            }
            catch (Exception e) when (e is HttpListenerException or ObjectDisposedException)
            {
                return;
            }
        }
    }

    private async Task RespondAsync(HttpListenerContext context)
    {
        try
        {
            var (status, body) = await RefuseOrAnswerAsync(context.Request);
            context.Response.StatusCode = status;
            await context.Response.OutputStream.WriteAsync(body);
            context.Response.Close();
        }
        catch (Exception e) when (e is HttpListenerException or ObjectDisposedException or IOException)
        {
            // The caller has gone.
        }

        Interlocked.Increment(ref answers);
    }

    private async Task<(int Status, byte[] Body)> RefuseOrAnswerAsync(HttpListenerRequest request)
    {
        if (VersionOf(request.Url!.AbsolutePath) is not { } expected)
        {
            return await AnswerAsync(request);
        }

        if (request.Headers["Metadata"] != "true")
        {
            return Refuse("the header 'Metadata: true' is missing");
        }

        if (request.QueryString["api-version"] != expected)
        {
            return Refuse($"api-version is '{request.QueryString["api-version"]}', not '{expected}'");
        }

        return await AnswerAsync(request);
    }

    private async Task<(int Status, byte[] Body)> StartAsync(HttpListenerRequest request)
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

        return Encoded(200, "");
    }

    private string Document()
    {
        lock (gate)
        {
            return JsonSerializer.Serialize(
                new
                {
                    DocumentIncarnation = incarnation,
                    Events = events.Select(one => new
                    {
                        EventId = one.Id,
                        EventType = one.Type,
                        ResourceType = "VirtualMachine",
                        one.Resources,
                        EventStatus = one.NotBefore is null ? "Started" : "Scheduled",
                        NotBefore = one.NotBefore is { } date ? Text(date) : "",
                        Description = "",
                        EventSource = "Platform",
                        DurationInSeconds = -1,
                    }),
                }
            );
        }
    }

    protected (int Status, byte[] Body) Refuse(string why)
    {
        Refused.Enqueue(why);
        return Encoded(400, JsonSerializer.Serialize(new { error = "Bad request" }));
    }

    protected static (int Status, byte[] Body) Encoded(int status, string body) => (status, Encoding.UTF8.GetBytes(body));

    /// <summary>Tries ports until one is free: the listener cannot choose one itself.</summary>
    private static (HttpListener Listener, Uri Address) Listen()
    {
        while (true)
        {
            var address = new Uri($"http://127.0.0.1:{Random.Shared.Next(FirstPort, LastPort + 1)}/");
            var listener = new HttpListener();
            listener.Prefixes.Add(address.ToString());
            try
            {
                listener.Start();
                return (listener, address);
            }
            catch (HttpListenerException)
            {
                listener.Close();
            }
        }
    }

    private sealed record Announced(string Id, string Type, DateTimeOffset? NotBefore, IReadOnlyList<string> Resources);
}
