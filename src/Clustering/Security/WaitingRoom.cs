namespace Slowrun.Clustering.Security;

/// <summary>
/// Connections that are not authenticated yet. A handshake takes milliseconds; where too many wait, the one that has waited longest is
/// closed: silent connections must not keep the store's own silos and clients out. Safe to use from any thread.
/// </summary>
internal sealed class WaitingRoom(int most)
{
    private readonly Lock gate = new();
    private readonly LinkedList<Action> waiting = new();

    /// <param name="sendAway">Ends the connection; may be called after its end.</param>
    /// <returns>To be disposed when the wait ends; may be disposed twice.</returns>
    public IDisposable Enter(Action sendAway)
    {
        LinkedListNode<Action> entered;
        Action? longest = null;
        lock (gate)
        {
            entered = waiting.AddLast(sendAway);
            if (waiting.Count > most)
            {
                longest = waiting.First!.Value;
                waiting.RemoveFirst();
            }
        }

        longest?.Invoke();
        return new Waiting(this, entered);
    }

    private sealed class Waiting(WaitingRoom room, LinkedListNode<Action> entered) : IDisposable
    {
        public void Dispose()
        {
            lock (room.gate)
            {
                if (entered.List is not null)
                {
                    room.waiting.Remove(entered);
                }
            }
        }
    }
}
