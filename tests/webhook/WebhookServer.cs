using System.Collections.Concurrent;
using System.Globalization;
using System.Net;
using System.Net.Sockets;
using System.Text;

namespace Slowrun.Tests.Webhook;

/// <summary>A receiver of notices on a free port of this machine, which keeps what it gets and answers as a test wants. On bare sockets: a
/// connection that it closes is closed without an answer.</summary>
internal sealed class WebhookServer : IAsyncDisposable
{
    private readonly TcpListener listener = new(IPAddress.Loopback, 0);
    private readonly CancellationTokenSource ended = new();
    private readonly ConcurrentQueue<WebhookRequest> requests = new();
    private readonly SemaphoreSlim arrived = new(0);
    private readonly Task serving;

    public WebhookServer()
    {
        listener.Start();
        Url = new Uri($"http://127.0.0.1:{((IPEndPoint)listener.LocalEndpoint).Port}/hook");
        serving = ServeAsync();
    }

    public Uri Url { get; }

    /// <summary>The answer to a request; by default all are confirmed.</summary>
    public Func<WebhookRequest, WebhookReply> Answer { get; set; } = _ => new WebhookReply();

    public IReadOnlyList<WebhookRequest> Requests => [.. requests];

    /// <summary>Waits for one more request than it waited for before.</summary>
    public Task ArrivedAsync() => arrived.WaitAsync(TestContext.Current.CancellationToken);

    public async ValueTask DisposeAsync()
    {
        await ended.CancelAsync();
        await serving;
        listener.Dispose();
        arrived.Dispose();
        ended.Dispose();
    }

    private async Task ServeAsync()
    {
        var answering = new List<Task>();
        try
        {
            while (true)
            {
                answering.Add(ServeAsync(await listener.AcceptTcpClientAsync(ended.Token)));
            }
        }
        catch (OperationCanceledException) { }

        listener.Stop();
        await Task.WhenAll(answering);
    }

    private async Task ServeAsync(TcpClient client)
    {
        using var connection = client;
        try
        {
            var stream = client.GetStream();
            if (await ReadAsync(stream) is not { } request)
            {
                return;
            }

            requests.Enqueue(request);
            var reply = Answer(request);
            arrived.Release();
            if (reply.Hangs)
            {
                await Task.Delay(Timeout.Infinite, ended.Token);
            }

            if (!reply.Closes)
            {
                var headers = string.Concat(reply.Headers.Select(header => $"{header.Key}: {header.Value}\r\n"));
                var head = string.Create(
                    CultureInfo.InvariantCulture,
                    $"HTTP/1.1 {reply.Status} Said\r\n{headers}Content-Length: 0\r\nConnection: close\r\n\r\n"
                );
                await stream.WriteAsync(Encoding.ASCII.GetBytes(head), ended.Token);
            }
        }
        catch (Exception e) when (e is IOException or SocketException or OperationCanceledException)
        {
            // The sender is gone, or the test is over.
        }
    }

    private async Task<WebhookRequest?> ReadAsync(NetworkStream stream)
    {
        var read = new List<byte>();
        var buffer = new byte[4096];
        while (true)
        {
            var text = Encoding.UTF8.GetString([.. read]);
            if (text.IndexOf("\r\n\r\n", StringComparison.Ordinal) is var end and > 0)
            {
                var lines = text[..end].Split("\r\n");
                var headers = lines
                    .Skip(1)
                    .Select(line => line.Split(':', 2))
                    .ToDictionary(parts => parts[0], parts => parts[1].Trim(), StringComparer.OrdinalIgnoreCase);
                var length = int.Parse(headers.GetValueOrDefault("Content-Length", "0"), CultureInfo.InvariantCulture);
                // All heads are ASCII.
                if (read.Count - end - 4 >= length)
                {
                    var first = lines[0].Split(' ');
                    return new WebhookRequest(first[0], first[1], headers, text[(end + 4)..]);
                }
            }

            var count = await stream.ReadAsync(buffer, ended.Token);
            if (count == 0)
            {
                return null;
            }

            read.AddRange(buffer[..count]);
        }
    }
}

internal sealed record WebhookRequest(string Method, string Path, IReadOnlyDictionary<string, string> Headers, string Body)
{
    public string Key => Headers["Idempotency-Key"];
}

internal sealed record WebhookReply(int Status = 200)
{
    /// <summary>Does not answer.</summary>
    public bool Hangs { get; init; }

    /// <summary>Closes the connection without an answer.</summary>
    public bool Closes { get; init; }

    public IReadOnlyDictionary<string, string> Headers { get; init; } = new Dictionary<string, string>();
}
