using Microsoft.AspNetCore.Connections;

namespace Slowrun.Clustering.Hosting;

/// <summary>Tells when a connection to another silo ends, whichever of the two opened it: the first sign that its process is gone. Safe to
/// use from any thread.</summary>
internal sealed class ConnectionEnds
{
    private TaskCompletionSource next = Signal();

    /// <summary>Ends with the next connection that ends. To be asked for before one looks for what an earlier end meant.</summary>
    public Task Next => Volatile.Read(ref next).Task;

    /// <summary>Watches connections that have passed whatever stands before this: a port that is only tried ends nothing.</summary>
    public void Watch(IConnectionBuilder connections) =>
        connections.Use(orleans =>
            async connection =>
            {
                try
                {
                    await orleans(connection);
                }
                finally
                {
                    Tell();
                }
            }
        );

    public void Tell() => Interlocked.Exchange(ref next, Signal()).TrySetResult();

    private static TaskCompletionSource Signal() => new(TaskCreationOptions.RunContinuationsAsynchronously);
}
