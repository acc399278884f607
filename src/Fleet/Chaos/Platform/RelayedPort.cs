using System.Net;
using System.Net.Sockets;

namespace Slowrun.Fleet.Chaos.Platform;

/// <summary>A port that accepts connections for a machine, and forwards bytes as long as the network allows it.</summary>
internal sealed class RelayedPort : IDisposable
{
    private const int Backlog = 512;
    private const int BufferBytes = 32 << 10;

    // The system answers a connection of this computer at once or never.
    private static readonly TimeSpan AnswerTime = TimeSpan.FromMilliseconds(100);

    private readonly RelayNetwork network;
    private readonly RelayedMachine machine;
    private readonly IPEndPoint target;
    private readonly Socket listener;
    private readonly HashSet<int> ownPorts = [];
    private readonly List<Socket> fillers = [];
    private CancellationTokenSource accepting;
    private Task loop;

    /// <param name="innerPort">Where the silo listens, on the same address.</param>
    /// <exception cref="SocketException">The address is in use.</exception>
    public RelayedPort(RelayNetwork network, RelayedMachine machine, IPEndPoint at, int innerPort)
    {
        (this.network, this.machine, target) = (network, machine, new IPEndPoint(at.Address, innerPort));
        listener = NewSocket();
        try
        {
            listener.Bind(at);
            listener.Listen(Backlog);
        }
        catch
        {
            listener.Dispose();
            throw;
        }

        (accepting, loop) = BeginAccepting();
    }

    /// <summary>
    /// From now on connection attempts are never answered. Linux silently drops the first packet of a connection to a listener whose queue
    /// is full, as if the machine were not there.
    /// </summary>
    public async Task FallSilentAsync()
    {
        await accepting.CancelAsync();
        await loop;
        listener.Listen(0);
        for (var filler = await TryConnectAsync(); filler is not null; filler = await TryConnectAsync())
        {
            fillers.Add(filler);
        }
    }

    public void Answer()
    {
        fillers.ForEach(filler => filler.Dispose());
        fillers.Clear();
        listener.Listen(Backlog);
        (accepting, loop) = BeginAccepting();
    }

    public void Dispose()
    {
        accepting.Cancel();
        // Not only closed: a process that this one starts at this moment has the socket too until it begins its program, and would go on
        // taking connections in.
        listener.Shutdown(SocketShutdown.Both);
        listener.Dispose();
        fillers.ForEach(filler => filler.Dispose());
    }

    private (CancellationTokenSource Accepting, Task Loop) BeginAccepting()
    {
        var source = CancellationTokenSource.CreateLinkedTokenSource(network.End);
        return (source, Task.Run(() => AcceptAsync(source.Token)));
    }

    private async Task AcceptAsync(CancellationToken stop)
    {
        while (!stop.IsCancellationRequested)
        {
            try
            {
                var accepted = await listener.AcceptAsync(stop);
                _ = Task.Run(() => RelayAsync(accepted), CancellationToken.None);
            }
            catch (Exception e) when (e is OperationCanceledException or ObjectDisposedException)
            {
                return;
            }
            catch (SocketException)
            {
                // The caller is gone; or the listener is, which the next round detects.
                await Task.Yield();
            }
        }
    }

    private async Task RelayAsync(Socket near)
    {
        using var far = NewSocket();
        using (near)
        {
            try
            {
                if (near.RemoteEndPoint is IPEndPoint remote && IsOwn(remote.Port))
                {
                    return;
                }

                near.NoDelay = far.NoDelay = true;
                var from = network.SenderOf(near);
                await network.WaitOpenAsync(from, machine, network.End);
                await far.ConnectAsync(target, network.End);
                await Task.WhenAll(PumpAsync(near, far, from), PumpAsync(far, near, from));
            }
            catch (SocketException)
            {
                Reset(near);
            }
            catch (Exception e) when (e is OperationCanceledException or ObjectDisposedException)
            {
                // The network's end.
            }
        }
    }

    /// <summary>Forwards bytes, the end and resets; none of them while the network holds the connection.</summary>
    private async Task PumpAsync(Socket source, Socket sink, RelayedMachine? from)
    {
        var buffer = new byte[BufferBytes];
        while (true)
        {
            var read = -1;
            try
            {
                read = await source.ReceiveAsync(buffer, network.End);
            }
            catch (SocketException) { }

            await network.WaitOpenAsync(from, machine, network.End);
            try
            {
                if (read == 0)
                {
                    sink.Shutdown(SocketShutdown.Send);
                    return;
                }

                for (var sent = 0; sent < read; )
                {
                    sent += await sink.SendAsync(buffer.AsMemory(sent, read - sent), network.End);
                }
            }
            catch (SocketException)
            {
                read = -1;
            }

            if (read < 0)
            {
                Reset(source);
                Reset(sink);
                return;
            }
        }
    }

    private async Task<Socket?> TryConnectAsync()
    {
        using var limit = new CancellationTokenSource(AnswerTime);
        var socket = NewSocket();
        try
        {
            await socket.ConnectAsync(listener.LocalEndPoint!, limit.Token);
            lock (ownPorts)
            {
                ownPorts.Add(((IPEndPoint)socket.LocalEndPoint!).Port);
            }

            return socket;
        }
        catch (Exception e) when (e is OperationCanceledException or SocketException)
        {
            socket.Dispose();
            return null;
        }
    }

    private bool IsOwn(int port)
    {
        lock (ownPorts)
        {
            return ownPorts.Remove(port);
        }
    }

    private static void Reset(Socket socket)
    {
        try
        {
            socket.LingerState = new LingerOption(enable: true, seconds: 0);
            socket.Dispose();
        }
        catch (Exception e) when (e is SocketException or ObjectDisposedException)
        {
            // It is closed already.
        }
    }

    private static Socket NewSocket() => new(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
}
