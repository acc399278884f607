using System.Net;
using System.Net.Sockets;

namespace Slowrun.Clustering.Membership;

/// <summary>Whether a silo of another machine accepts connections: a test that needs no clock.</summary>
internal static class SiloPort
{
    /// <summary>Between two machines of a region a connection takes milliseconds; one that has vanished never answers.</summary>
    public static readonly TimeSpan AnswerTimeout = TimeSpan.FromSeconds(1);

    /// <summary>Whether something accepts connections there.</summary>
    public static async Task<bool> AnswersAsync(IPEndPoint endpoint, CancellationToken cancellationToken) =>
        await AskAsync(endpoint, cancellationToken).ConfigureAwait(false) == PortAnswer.Accepts;

    public static Task<PortAnswer> AskAsync(IPEndPoint endpoint, CancellationToken cancellationToken) =>
        AskAsync(endpoint, AnswerTimeout, cancellationToken);

    public static async Task<PortAnswer> AskAsync(IPEndPoint endpoint, TimeSpan atMost, CancellationToken cancellationToken)
    {
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        limit.CancelAfter(atMost);
        using var socket = new Socket(endpoint.AddressFamily, SocketType.Stream, ProtocolType.Tcp);
        try
        {
            await socket.ConnectAsync(endpoint, limit.Token).ConfigureAwait(false);
            return PortAnswer.Accepts;
        }
        catch (SocketException e)
        {
            return e.SocketErrorCode == SocketError.ConnectionRefused ? PortAnswer.Refuses : PortAnswer.Silent;
        }
        catch (OperationCanceledException) when (!cancellationToken.IsCancellationRequested)
        {
            return PortAnswer.Silent;
        }
    }
}
