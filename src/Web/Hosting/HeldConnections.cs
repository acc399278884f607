using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Connections;
using Microsoft.AspNetCore.Server.Kestrel.Core;

namespace Slowrun.Web.Hosting;

/// <summary>
/// Limits the number of connections. Beyond it, the one that has been idle for longest is closed: idle connections must not keep active
/// ones out (a supervisor's health check, a user).
/// </summary>
public sealed class HeldConnections(int most)
{
    private readonly Lock gate = new();

    // In the order of their last use, the oldest first.
    private readonly LinkedList<Held> order = [];

    public int Count
    {
        get
        {
            lock (gate)
            {
                return order.Count;
            }
        }
    }

    public void Use(ListenOptions listen)
    {
        ArgumentNullException.ThrowIfNull(listen);
        listen.Use(next => connection => ServeAsync(connection, next));
    }

    /// <summary>To be used before anything else: it tracks which connections are busy.</summary>
    public static void Use(IApplicationBuilder app) =>
        app.Use(
            async (http, next) =>
            {
                var held = http.Features.Get<Held>();
                held?.Of.Mark(held, +1);
                try
                {
                    await next(http);
                }
                finally
                {
                    held?.Of.Mark(held, -1);
                }
            }
        );

    private async Task ServeAsync(ConnectionContext connection, ConnectionDelegate next)
    {
        var held = new Held(this, connection);
        if (!TryAdd(held, out var leaves))
        {
            connection.Abort();
            return;
        }

        leaves?.Connection.Abort();
        connection.Features.Set(held);
        try
        {
            await next(connection);
        }
        finally
        {
            Remove(held);
        }
    }

    private bool TryAdd(Held held, out Held? leaves)
    {
        lock (gate)
        {
            leaves = order.Count < most ? null : order.FirstOrDefault(other => other.Requests == 0);
            if (order.Count >= most && leaves is null)
            {
                return false;
            }

            if (leaves is not null)
            {
                order.Remove(leaves.Place);
            }

            order.AddLast(held.Place);
            return true;
        }
    }

    private void Mark(Held held, int requests)
    {
        lock (gate)
        {
            held.Requests += requests;
            if (held.Place.List == order)
            {
                order.Remove(held.Place);
                order.AddLast(held.Place);
            }
        }
    }

    private void Remove(Held held)
    {
        lock (gate)
        {
            if (held.Place.List == order)
            {
                order.Remove(held.Place);
            }
        }
    }

    private sealed class Held
    {
        public Held(HeldConnections of, ConnectionContext connection) =>
            (Of, Connection, Place) = (of, connection, new LinkedListNode<Held>(this));

        public HeldConnections Of { get; }

        public ConnectionContext Connection { get; }

        public LinkedListNode<Held> Place { get; }

        public int Requests { get; set; }
    }
}
