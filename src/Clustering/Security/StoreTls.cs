using System.IO.Pipelines;
using System.Net.Security;
using System.Security.Authentication;
using System.Security.Cryptography.X509Certificates;
using Microsoft.AspNetCore.Connections;
using Microsoft.Extensions.DependencyInjection;
using Orleans.Connections.Security;

namespace Slowrun.Clustering.Security;

/// <summary>
/// Mutual TLS around Orleans' connections: both sides present the store's certificate, and not a byte reaches Orleans before it was
/// compared. TLS proves that the other side has the key; that the certificate is the store's is checked here, since that may need another
/// read of the store, for which a TLS callback cannot wait.
/// </summary>
internal sealed class StoreTls(ClusterCertificates certificates, Strangers strangers)
{
    // A handshake takes milliseconds, on a machine whose cores all train a second.
    private static readonly TimeSpan HandshakeTimeout = TimeSpan.FromSeconds(5);

    // Far more than a fleet opens at once, far fewer than a process may have open.
    private const int MostWaiting = 128;

    private const byte TlsHandshake = 0x16;

    private readonly WaitingRoom room = new(MostWaiting);

    public static StoreTls Of(IConnectionBuilder connections) => connections.ApplicationServices.GetRequiredService<StoreTls>();

    /// <param name="port">For people.</param>
    public void Accept(IConnectionBuilder connections, string port)
    {
        connections.Use(tls => connection => LetInAsync(connection, port, tls));
        connections.UseServerTls(Options());
        connections.Use(orleans => connection => IdentifiedAsync(connection, orleans));
    }

    public void Connect(IConnectionBuilder connections)
    {
        connections.Use(tls => connection => GoOutAsync(connection, tls));
        connections.UseClientTls(Options());
        connections.Use(orleans => connection => IdentifiedAsync(connection, orleans));
    }

    /// <summary>Nothing is looked up for a certificate, here or on the network: its hash decides.</summary>
    public static X509ChainPolicy NoChain() =>
        new()
        {
            TrustMode = X509ChainTrustMode.CustomRootTrust,
            RevocationMode = X509RevocationMode.NoCheck,
            DisableCertificateDownloads = true,
            VerificationFlags = X509VerificationFlags.AllFlags,
        };

    private async Task LetInAsync(ConnectionContext connection, string port, ConnectionDelegate tls)
    {
        var door = new Door(room.Enter(() => connection.Abort(new ConnectionAbortedException("Too many others want in."))));
        connection.Features.Set(door);
        try
        {
            if (await SpeaksTlsAsync(connection.Transport.Input) is not { } speaksTls)
            {
                // Closed without a byte: a test of whether this port answers.
                return;
            }

            if (speaksTls)
            {
                await tls(connection);
            }

            if (!door.Passed)
            {
                strangers.Refused(
                    $"A connection to the {port} port",
                    connection.RemoteEndPoint,
                    door.Refusal
                        ?? (
                            speaksTls
                                ? "its TLS handshake failed, or it presented no certificate"
                                : "it speaks no TLS (is it a slowrun that is older than this one?)"
                        )
                );
            }
        }
        finally
        {
            door.Dispose();
        }
    }

    private async Task GoOutAsync(ConnectionContext connection, ConnectionDelegate tls)
    {
        await certificates.FreshenAsync();
        using var door = new Door(null);
        connection.Features.Set(door);
        await tls(connection);
        if (!door.Passed)
        {
            strangers.Refused(
                "A silo that this process has called",
                connection.RemoteEndPoint,
                door.Refusal ?? "the TLS handshake failed (is it a slowrun that is older than this one?)"
            );
        }
    }

    /// <summary>After the handshake, before Orleans.</summary>
    private async Task IdentifiedAsync(ConnectionContext connection, ConnectionDelegate orleans)
    {
        var door =
            connection.Features.Get<Door>() ?? throw new InvalidOperationException("A connection came without having passed the door.");
        if (
            connection.Features.Get<ITlsConnectionFeature>()?.RemoteCertificate is not { } remote
            || await certificates.TryAcceptAsync(remote) is not { } revoked
        )
        {
            door.Refusal = "its certificate is not the store's";
            return;
        }

        door.Pass();
        // Of a certificate that is no longer accepted no connection stays either.
        using var ended = revoked.Register(() =>
            connection.Abort(new ConnectionAbortedException("The certificate is no longer accepted."))
        );
        await orleans(connection);
    }

    /// <summary>Peeks at the first byte; null where none comes.</summary>
    private static async Task<bool?> SpeaksTlsAsync(PipeReader input)
    {
        using var limit = new CancellationTokenSource(HandshakeTimeout);
        try
        {
            var first = await input.ReadAsync(limit.Token);
            bool? speaksTls = first.Buffer.IsEmpty ? null : first.Buffer.FirstSpan[0] == TlsHandshake;
            input.AdvanceTo(first.Buffer.Start);
            return speaksTls;
        }
        catch (Exception e) when (e is OperationCanceledException or ConnectionResetException or ConnectionAbortedException)
        {
            return null;
        }
    }

    private TlsOptions Options() =>
        new()
        {
            // Asked for by Orleans; what is presented is put in below.
            LocalServerCertificateSelector = (_, _) => certificates.Current.Certificate,
            RemoteCertificateMode = RemoteCertificateMode.RequireCertificate,
            RemoteCertificateValidation = (_, _, _) => true,
            SslProtocols = SslProtocols.Tls13,
            HandshakeTimeout = HandshakeTimeout,
            OnAuthenticateAsServer = (_, options) =>
            {
                var server = (SslServerAuthenticationOptions)options.SslServerAuthenticationOptions;
                server.ServerCertificateSelectionCallback = null;
                server.ServerCertificateContext = certificates.Current.Context;
                server.CertificateChainPolicy = NoChain();
                // A resumed session would outlive its certificate.
                server.AllowTlsResume = false;
            },
            OnAuthenticateAsClient = (_, options) =>
            {
                var client = (SslClientAuthenticationOptions)options.SslClientAuthenticationOptions;
                client.TargetHost = "slowrun";
                client.ClientCertificateContext = certificates.Current.Context;
                client.CertificateChainPolicy = NoChain();
                client.AllowTlsResume = false;
            },
        };

    /// <summary>How far a connection has got.</summary>
    private sealed class Door(IDisposable? waiting) : IDisposable
    {
        public bool Passed { get; private set; }

        public string? Refusal { get; set; }

        public void Pass()
        {
            Passed = true;
            waiting?.Dispose();
        }

        public void Dispose() => waiting?.Dispose();
    }
}
