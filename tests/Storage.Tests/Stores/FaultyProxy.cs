using System.Collections.Concurrent;
using System.Net;
using System.Net.Sockets;
using System.Text;

namespace Slowrun.Storage.Tests.Stores;

/// <summary>A TCP proxy in front of Azurite that spoils the next requests, one fault each; otherwise it passes everything on.</summary>
internal sealed class FaultyProxy : IAsyncDisposable
{
    private readonly TcpListener listener = new(IPAddress.Loopback, 0);
    private readonly CancellationTokenSource stopped = new();
    private readonly ConcurrentQueue<ProxyFault> faults = new();
    private readonly int target;
    private readonly Task accepting;
    private int struck;

    public FaultyProxy(int target)
    {
        this.target = target;
        listener.Start();
        accepting = AcceptAsync();
    }

    /// <summary>Spoils every request from now on; null: only those of <see cref="Next"/>.</summary>
    public ProxyFault? Always { get; set; }

    public int Port => ((IPEndPoint)listener.LocalEndpoint).Port;

    /// <summary>Faults that were carried out.</summary>
    public int Struck => struck;

    public void Next(params ProxyFault[] next)
    {
        foreach (var fault in next)
        {
            faults.Enqueue(fault);
        }
    }

    public async ValueTask DisposeAsync()
    {
        await stopped.CancelAsync();
        listener.Stop();
        await accepting;
        stopped.Dispose();
    }

    private async Task AcceptAsync()
    {
        try
        {
            while (true)
            {
                _ = ServeAsync(await listener.AcceptTcpClientAsync(stopped.Token));
            }
        }
        catch (Exception e)
            when (e is OperationCanceledException or SocketException or ObjectDisposedException
                // Stopped between two connections.
                || (e is InvalidOperationException && stopped.IsCancellationRequested)
            ) { }
    }

    private async Task ServeAsync(TcpClient client)
    {
        using var server = new TcpClient();
        using (client)
        {
            try
            {
                await server.ConnectAsync(IPAddress.Loopback, target, stopped.Token);
                var answers = CopyAsync(server.GetStream(), client.GetStream());
                var buffer = new byte[1 << 16];
                int read;
                while ((read = await client.GetStream().ReadAsync(buffer, stopped.Token)) > 0)
                {
                    // Requests of a test come one at a time, so that what arrives after a fault was ordered begins a request.
                    if (faults.TryDequeue(out var fault) || Always is not null)
                    {
                        fault = Always ?? fault;
                        Interlocked.Increment(ref struck);
                        await SpoilAsync(fault, client, server, buffer.AsMemory(0, read), answers);
                        return;
                    }

                    await server.GetStream().WriteAsync(buffer.AsMemory(0, read), stopped.Token);
                }
            }
            catch (Exception e) when (e is IOException or SocketException or OperationCanceledException or ObjectDisposedException) { }
        }
    }

    private async Task SpoilAsync(ProxyFault fault, TcpClient client, TcpClient server, Memory<byte> request, Relay answers)
    {
        switch (fault)
        {
            case ProxyFault.Reset:
                client.LingerState = new LingerOption(true, 0);
                break;
            case ProxyFault.Busy:
                await client
                    .GetStream()
                    .WriteAsync(
                        Encoding.ASCII.GetBytes(
                            "HTTP/1.1 503 Busy\r\nx-ms-error-code: ServerBusy\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
                        ),
                        stopped.Token
                    );
                break;
            case ProxyFault.Denied:
                // As the service does of a parameter that it does not understand: it quotes it.
                var line = Encoding.ASCII.GetString(request.Span).Split("\r\n", 2)[0].Replace("&", "&amp;", StringComparison.Ordinal);
                var body =
                    $"<?xml version=\"1.0\"?><Error><Code>AuthenticationFailed</Code><Message>Refused.</Message><QueryParameterValue>{line}</QueryParameterValue></Error>";
                await client
                    .GetStream()
                    .WriteAsync(
                        Encoding.ASCII.GetBytes(
                            $"HTTP/1.1 403 Refused\r\nx-ms-error-code: AuthenticationFailed\r\nContent-Type: application/xml\r\nContent-Length: {body.Length}\r\nConnection: close\r\n\r\n{body}"
                        ),
                        stopped.Token
                    );
                break;
            case ProxyFault.Silent:
                // Until the client gives up and closes.
                while (await client.GetStream().ReadAsync(new byte[4096], stopped.Token) > 0) { }

                break;
            case ProxyFault.AnswerLost or ProxyFault.AnswerCut or ProxyFault.AnswerShort:
                answers.Allowed = fault == ProxyFault.AnswerLost ? 0 : 900;
                await server.GetStream().WriteAsync(request, stopped.Token);
                // The rest of the request, until the answer has begun.
                var rest = new byte[1 << 16];
                while (!answers.Spent.IsCompleted)
                {
                    var reading = client.GetStream().ReadAsync(rest, stopped.Token).AsTask();
                    if (await Task.WhenAny(reading, answers.Spent) == reading)
                    {
                        if (await reading == 0)
                        {
                            break;
                        }

                        await server.GetStream().WriteAsync(rest.AsMemory(0, await reading), stopped.Token);
                    }
                }

                // Without it the connection is closed in good order, as if that had been all.
                client.LingerState = new LingerOption(fault != ProxyFault.AnswerShort, 0);
                break;
        }
    }

    private Relay CopyAsync(NetworkStream from, NetworkStream to)
    {
        var relay = new Relay();
        _ = Task.Run(async () =>
        {
            var buffer = new byte[1 << 16];
            try
            {
                int read;
                while ((read = await from.ReadAsync(buffer, stopped.Token)) > 0)
                {
                    var pass = (int)Math.Min(read, relay.Allowed);
                    await to.WriteAsync(buffer.AsMemory(0, pass), stopped.Token);
                    relay.Allowed -= relay.Allowed == long.MaxValue ? 0 : pass;
                    if (relay.Allowed == 0)
                    {
                        break;
                    }
                }
            }
            catch (Exception e) when (e is IOException or SocketException or OperationCanceledException or ObjectDisposedException) { }

            relay.Finish();
        });
        return relay;
    }

    /// <summary>The way of the answers; <see cref="Allowed"/> bytes of them may still pass.</summary>
    private sealed class Relay
    {
        private readonly TaskCompletionSource spent = new(TaskCreationOptions.RunContinuationsAsynchronously);

        public long Allowed { get; set; } = long.MaxValue;

        public Task Spent => spent.Task;

        public void Finish() => spent.TrySetResult();
    }
}

internal enum ProxyFault
{
    /// <summary>The connection is reset before the request gets through.</summary>
    Reset,

    /// <summary>503.</summary>
    Busy,

    /// <summary>403 with an answer that quotes the request.</summary>
    Denied,

    /// <summary>Nothing is ever answered.</summary>
    Silent,

    /// <summary>The request takes effect, and the connection is reset.</summary>
    AnswerLost,

    /// <summary>The request takes effect, and the connection is reset after the first 900 bytes of the answer.</summary>
    AnswerCut,

    /// <summary>As <see cref="AnswerCut"/>, but the connection is closed in good order: a body shorter than its Content-Length.</summary>
    AnswerShort,
}
