using System.Net;
using System.Net.Sockets;
using Slowrun.Fleet.Chaos.Platform;

namespace Slowrun.Fleet.Tests.Chaos.Platform;

public sealed class RelayNetworkTests : IDisposable
{
    // Nothing that was sent arrives within this, where nothing is to arrive; all else takes a millisecond.
    private static readonly TimeSpan Soon = TimeSpan.FromMilliseconds(300);

    private readonly RelayNetwork network = new();
    private readonly Dictionary<RelayedMachine, TcpListener> listeners = [];
    private readonly List<IDisposable> open = [];

    private static CancellationToken Stop => TestContext.Current.CancellationToken;

    public void Dispose()
    {
        open.ForEach(one => one.Dispose());
        network.Dispose();
    }

    [Fact]
    public async Task Connection_ToAMachine_CarriesBytesAndEndsBothWays()
    {
        var (near, far) = await ConnectAsync(network.Add("a"));

        await near.SendAsync(new byte[] { 1, 2 }, Stop);
        Assert.Equal([1, 2], await ReceiveAsync(far, 2));
        await far.SendAsync(new byte[] { 3 }, Stop);
        Assert.Equal([3], await ReceiveAsync(near, 1));

        near.Shutdown(SocketShutdown.Send);
        Assert.Equal(0, await far.ReceiveAsync(new byte[1], Stop));
        await far.SendAsync(new byte[] { 4 }, Stop);
        Assert.Equal([4], await ReceiveAsync(near, 1));
    }

    [Fact]
    public async Task Connection_ToAMachineWithoutItsProgram_IsReset()
    {
        var machine = network.Add("a");
        // The reset may come before the sender learns that it was connected.
        var reset = await Assert.ThrowsAsync<SocketException>(async () =>
        {
            using var near = await DialAsync(machine, Stop);
            await near.ReceiveAsync(new byte[1], Stop);
        });
        Assert.Equal(SocketError.ConnectionReset, reset.SocketErrorCode);

        network.Remove(machine);
        var refused = await Assert.ThrowsAsync<SocketException>(() => DialAsync(machine, Stop));
        Assert.Equal(SocketError.ConnectionRefused, refused.SocketErrorCode);
    }

    [Fact]
    public async Task Isolate_AMachine_LeavesItsConnectionsOpenAndSilentAndAnswersNobody()
    {
        var machine = network.Add("a");
        var (near, far) = await ConnectAsync(machine);

        await network.IsolateAsync(machine);
        await near.SendAsync(new byte[] { 1 }, Stop);
        far.Dispose();

        Assert.True(await IsSilentAsync(near));
        using var patience = new CancellationTokenSource(Soon);
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => DialAsync(machine, patience.Token));
    }

    [Fact]
    public async Task Isolate_TheSender_SilencesWhatItHadOpened()
    {
        var (sender, receiver) = (network.Add("a"), network.Add("b"));
        sender.ProcessId = () => Environment.ProcessId;
        var (near, far) = await ConnectAsync(receiver);

        await network.IsolateAsync(sender);
        near.Dispose();

        Assert.True(await IsSilentAsync(far));
    }

    [Fact]
    public async Task Rejoin_AnIsolatedMachine_DeliversWhatWasHeldAndAnswersAgain()
    {
        var machine = network.Add("a");
        var (near, far) = await ConnectAsync(machine);
        await network.IsolateAsync(machine);
        await near.SendAsync(new byte[] { 1 }, Stop);
        var late = DialAsync(machine, Stop);
        Assert.True(await IsSilentAsync(far));

        network.Rejoin(machine);

        Assert.Equal([1], await ReceiveAsync(far, 1));
        using var answered = await late;
        using var atLast = await listeners[machine].AcceptSocketAsync(Stop);
        await answered.SendAsync(new byte[] { 2 }, Stop);
        Assert.Equal([2], await ReceiveAsync(atLast, 1));
    }

    [Fact]
    public async Task Part_TwoMachines_SilencesThemToEachOtherAlone()
    {
        var (one, other, third) = (network.Add("a"), network.Add("b"), network.Add("c"));
        one.ProcessId = () => Environment.ProcessId;
        var (toOther, atOther) = await ConnectAsync(other);
        var (toThird, atThird) = await ConnectAsync(third);

        network.Part(other, one);
        await toOther.SendAsync(new byte[] { 1 }, Stop);
        await toThird.SendAsync(new byte[] { 2 }, Stop);

        Assert.Equal([2], await ReceiveAsync(atThird, 1));
        Assert.True(await IsSilentAsync(atOther));
        network.Heal();
        Assert.Equal([1], await ReceiveAsync(atOther, 1));
    }

    /// <summary>A connection of this process, and its end at the machine's program, which this process is too.</summary>
    private async Task<(Socket Near, Socket Far)> ConnectAsync(RelayedMachine machine)
    {
        if (!listeners.TryGetValue(machine, out var listener))
        {
            listeners[machine] = listener = new TcpListener(IPAddress.Parse(Argument(machine, "--listen")), Port(machine, "--port"));
            open.Add(listener);
            listener.Start();
        }

        var near = await DialAsync(machine, Stop);
        open.Add(near);
        var far = await listener.AcceptSocketAsync(Stop);
        open.Add(far);
        return (near, far);
    }

    private static async Task<Socket> DialAsync(RelayedMachine machine, CancellationToken stop)
    {
        var socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        try
        {
            await socket.ConnectAsync(machine.Address, Port(machine, "--advertise-port"), stop);
            return socket;
        }
        catch
        {
            socket.Dispose();
            throw;
        }
    }

    private static async Task<byte[]> ReceiveAsync(Socket socket, int count)
    {
        var bytes = new byte[count];
        for (var read = 0; read < count; )
        {
            var more = await socket.ReceiveAsync(bytes.AsMemory(read), Stop);
            Assert.NotEqual(0, more);
            read += more;
        }

        return bytes;
    }

    private static async Task<bool> IsSilentAsync(Socket socket)
    {
        using var patience = new CancellationTokenSource(Soon);
        try
        {
            await socket.ReceiveAsync(new byte[1], patience.Token);
            return false;
        }
        catch (OperationCanceledException)
        {
            return true;
        }
    }

    private static int Port(RelayedMachine machine, string option) =>
        int.Parse(Argument(machine, option), System.Globalization.CultureInfo.InvariantCulture);

    private static string Argument(RelayedMachine machine, string option) =>
        machine.Arguments[machine.Arguments.ToList().IndexOf(option) + 1];
}
