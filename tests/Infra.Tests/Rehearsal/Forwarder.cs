using System.Net;
using System.Net.Sockets;

namespace Slowrun.Infra.Tests.Rehearsal;

/// <summary>Passes connections on from one network to an address in another, or in the same.</summary>
internal sealed class Forwarder : IAsyncDisposable
{
    private readonly Socket listener;
    private readonly Func<Socket> make;
    private readonly IPEndPoint target;
    private readonly CancellationTokenSource stopped = new();
    private readonly Task accepting;

    private Forwarder(Socket listener, Func<Socket> make, IPEndPoint target)
    {
        (this.listener, this.make, this.target) = (listener, make, target);
        accepting = AcceptAsync();
    }

    public int Port => ((IPEndPoint)listener.LocalEndPoint!).Port;

    /// <param name="at">Where it listens, in the network that this is called in.</param>
    /// <param name="make">Makes a socket of the network in which <paramref name="target"/> is.</param>
    public static Forwarder Listen(IPEndPoint at, IPEndPoint target, Func<Socket> make)
    {
        var listener = Tcp();
        listener.Bind(at);
        listener.Listen();
        return new Forwarder(listener, make, target);
    }

    public static Socket Tcp() => new(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };

    public async ValueTask DisposeAsync()
    {
        await stopped.CancelAsync();
        listener.Dispose();
        await accepting;
        stopped.Dispose();
    }

    private async Task AcceptAsync()
    {
        try
        {
            while (true)
            {
                _ = ServeAsync(await listener.AcceptAsync(stopped.Token));
            }
        }
        catch (Exception e) when (e is OperationCanceledException or SocketException or ObjectDisposedException) { }
    }

    private async Task ServeAsync(Socket accepted)
    {
        await using var near = new NetworkStream(accepted, ownsSocket: true);
        try
        {
            using var other = make();
            await other.ConnectAsync(target, stopped.Token);
            await using var far = new NetworkStream(other);
            await Task.WhenAny(near.CopyToAsync(far, stopped.Token), far.CopyToAsync(near, stopped.Token));
        }
        catch (Exception e) when (e is OperationCanceledException or IOException or SocketException or InvalidOperationException)
        {
            // Either end is gone.
        }
    }
}
