using System.Net;
using System.Net.Security;
using System.Net.Sockets;
using System.Security.Authentication;
using System.Security.Cryptography.X509Certificates;
using Slowrun.Storage;

namespace Slowrun.Clustering.Security;

/// <summary>
/// Gives a store another certificate. One write of the document is enough; if the process dies after it, the cluster goes on: a silo that
/// meets a certificate it does not know reads the document, and the one before stays accepted.
/// </summary>
public sealed class CertificateRotation(IObjectStore store)
{
    /// <summary>How long a silo that could not be notified may go on with the old certificate.</summary>
    public static readonly TimeSpan SeenWithin = CertificateWatch.Every;

    // Long enough for a silo to read the document (it closes what it does not know), short enough to ask again.
    private static readonly TimeSpan Knock = TimeSpan.FromMilliseconds(300);

    private readonly CertificateFile file = new(store);
    private ClusterCertificate? made;

    /// <summary>Makes a new certificate the store's.</summary>
    /// <param name="keepPrevious">Whether the one before is accepted until the next rotation.</param>
    /// <returns>The new one's SHA-256.</returns>
    public async Task<string> RotateAsync(bool keepPrevious, CancellationToken cancellationToken = default)
    {
        made = (await file.RotateAsync(keepPrevious, cancellationToken).ConfigureAwait(false)).Current;
        return made.Sha256;
    }

    /// <summary>Lets a silo see the new certificate, and waits until it presents it itself.</summary>
    /// <param name="silo">Its address as <c>SiloAddress.ToParsableString</c> writes it.</param>
    /// <returns>False where it did not do so before the deadline.</returns>
    public async Task<bool> TryTellAsync(string silo, TimeSpan deadline, CancellationToken cancellationToken = default)
    {
        var endpoint = SiloAddress.FromParsableString(silo).Endpoint;
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        limit.CancelAfter(deadline);
        try
        {
            while (await KnockAsync(endpoint, limit.Token).ConfigureAwait(false) != made!.Sha256)
            {
                await Task.Delay(Knock, limit.Token).ConfigureAwait(false);
            }

            return true;
        }
        catch (Exception e)
            when (!cancellationToken.IsCancellationRequested
                && e is IOException or SocketException or AuthenticationException or OperationCanceledException
            )
        {
            return false;
        }
    }

    /// <summary>Shakes hands with the new certificate.</summary>
    /// <returns>What the silo presented.</returns>
    private async Task<string?> KnockAsync(IPEndPoint endpoint, CancellationToken cancellationToken)
    {
        using var socket = new Socket(endpoint.AddressFamily, SocketType.Stream, ProtocolType.Tcp);
        await socket.ConnectAsync(endpoint, cancellationToken).ConfigureAwait(false);
        var network = new NetworkStream(socket);
        await using (network.ConfigureAwait(false))
        {
            string? presented = null;
            var tls = new SslStream(
                network,
                leaveInnerStreamOpen: true,
                (_, certificate, _, _) =>
                {
                    // Compared by the caller: until it has read the document, a silo presents the one before.
                    presented = certificate is X509Certificate2 remote ? ClusterCertificate.Hash(remote) : null;
                    return presented is not null;
                }
            );
            await using (tls.ConfigureAwait(false))
            {
                var options = new SslClientAuthenticationOptions
                {
                    TargetHost = "slowrun",
                    ApplicationProtocols = [new SslApplicationProtocol("Orleans1")],
                    ClientCertificateContext = made!.Context,
                    EnabledSslProtocols = SslProtocols.Tls13,
                    CertificateChainPolicy = StoreTls.NoChain(),
                };
                await tls.AuthenticateAsClientAsync(options, cancellationToken).ConfigureAwait(false);
                await UntilSeenAsync(tls, cancellationToken).ConfigureAwait(false);
            }

            return presented;
        }
    }

    /// <summary>In TLS 1.3 the silo sees the client's certificate after the client has finished: closing at once could lose it.</summary>
    private static async Task UntilSeenAsync(SslStream tls, CancellationToken cancellationToken)
    {
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        limit.CancelAfter(Knock);
        try
        {
            _ = await tls.ReadAsync(new byte[1], limit.Token).ConfigureAwait(false);
        }
        catch (Exception e) when (!cancellationToken.IsCancellationRequested && e is IOException or OperationCanceledException)
        {
            // The silo waits for the first byte, or has closed.
        }
    }
}
