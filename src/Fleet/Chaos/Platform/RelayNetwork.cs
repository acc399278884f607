using System.Net;
using System.Net.Sockets;

namespace Slowrun.Fleet.Chaos.Platform;

/// <summary>
/// The network between machines that are processes of this one. Every connection to a machine passes through here and can be held: then
/// nothing moves in either direction, and neither end learns anything, as when packets are dropped. Needs no privileges: each machine has a
/// loopback address of its own, on which this process listens, and which the silo advertises.
/// </summary>
internal sealed class RelayNetwork : IDisposable
{
    // 127.N.0.0/16, so that two networks on one computer do not meet; 127.0 is in common use.
    private readonly byte prefix = (byte)Random.Shared.Next(1, 255);

    private readonly Lock gate = new();
    private readonly CancellationTokenSource end = new();
    private readonly List<RelayedMachine> machines = [];
    private readonly HashSet<RelayedMachine> isolated = [];
    private readonly HashSet<(RelayedMachine One, RelayedMachine Other)> parted = [];
    private TaskCompletionSource opened = Signal();
    private int last;

    public CancellationToken End => end.Token;

    /// <summary>A machine that others can connect to from now on; they are refused until its silo listens.</summary>
    public RelayedMachine Add(string name)
    {
        lock (gate)
        {
            while (true)
            {
                last++;
                var address = new IPAddress([127, prefix, (byte)(last / 250), (byte)(1 + (last % 250))]);
                try
                {
                    var machine = new RelayedMachine(this, name, address);
                    machines.Add(machine);
                    return machine;
                }
                catch (SocketException e) when (e.SocketErrorCode == SocketError.AddressAlreadyInUse)
                {
                    // Another network's.
                }
            }
        }
    }

    /// <summary>Its process has ended: connections are refused, as by a computer on which no such program runs.</summary>
    public void Remove(RelayedMachine machine)
    {
        lock (gate)
        {
            machines.Remove(machine);
        }

        machine.Dispose();
    }

    /// <summary>
    /// Nothing comes from the machine or reaches it any more, new connections are never answered, and those that stand stay open even when
    /// its process ends.
    /// </summary>
    public async Task IsolateAsync(RelayedMachine machine)
    {
        lock (gate)
        {
            isolated.Add(machine);
        }

        await machine.FallSilentAsync();
    }

    /// <summary>What was held moves on.</summary>
    public void Rejoin(RelayedMachine machine)
    {
        machine.Answer();
        Open(() => isolated.Remove(machine));
    }

    /// <summary>
    /// Nothing moves between the two, while both reach all others. A connection that one opens to the other is accepted, unlike one to an
    /// isolated machine, for its sender is known only then; no byte moves on it.
    /// </summary>
    public void Part(RelayedMachine one, RelayedMachine other)
    {
        lock (gate)
        {
            parted.Add((one, other));
        }
    }

    /// <summary>Ends every parting.</summary>
    public void Heal() => Open(parted.Clear);

    /// <summary>Ends when bytes may move between the two.</summary>
    /// <param name="from">Null: neither is one of the machines, as a client.</param>
    public async ValueTask WaitOpenAsync(RelayedMachine? from, RelayedMachine to, CancellationToken stop)
    {
        while (true)
        {
            Task change;
            lock (gate)
            {
                var isHeld =
                    isolated.Contains(to)
                    || (from is not null && (isolated.Contains(from) || parted.Contains((from, to)) || parted.Contains((to, from))));
                if (!isHeld)
                {
                    return;
                }

                change = opened.Task;
            }

            await change.WaitAsync(stop);
        }
    }

    /// <summary>Whose process is at the other end of an accepted connection; null: none of the machines'.</summary>
    public RelayedMachine? SenderOf(Socket accepted)
    {
        if (
            accepted is not { RemoteEndPoint: IPEndPoint remote, LocalEndPoint: IPEndPoint local }
            || SocketOwner.InodeOf(remote, local) is not { } inode
        )
        {
            return null;
        }

        List<RelayedMachine> all;
        lock (gate)
        {
            all = [.. machines];
        }

        return all.Find(machine => machine.ProcessId() is { } process && SocketOwner.Has(process, inode));
    }

    public void Dispose()
    {
        end.Cancel();
        List<RelayedMachine> all;
        lock (gate)
        {
            all = [.. machines];
        }

        all.ForEach(machine => machine.Dispose());
        end.Dispose();
    }

    private void Open(Action change)
    {
        TaskCompletionSource before;
        lock (gate)
        {
            change();
            (before, opened) = (opened, Signal());
        }

        before.SetResult();
    }

    private static TaskCompletionSource Signal() => new(TaskCreationOptions.RunContinuationsAsynchronously);
}
