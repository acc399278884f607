using System.Net.Security;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;

namespace Slowrun.Clustering.Security;

/// <summary>A store's certificate with its key. Only its hash is ever compared: no name, no issuer, no date, since silos' clocks may be
/// wrong.</summary>
internal sealed class ClusterCertificate
{
    private static readonly DateTimeOffset Begin = new(2000, 1, 1, 0, 0, 0, TimeSpan.Zero);
    private static readonly DateTimeOffset End = new(9999, 12, 31, 23, 59, 59, TimeSpan.Zero);

    private ClusterCertificate(X509Certificate2 certificate)
    {
        Certificate = certificate;
        Sha256 = Hash(certificate);
        // Offline: there is no chain to look for, on this machine or anywhere else.
        Context = SslStreamCertificateContext.Create(certificate, additionalCertificates: null, offline: true);
    }

    public X509Certificate2 Certificate { get; }

    /// <summary>What a handshake presents.</summary>
    public SslStreamCertificateContext Context { get; }

    /// <summary>Lower-case hex, of the DER bytes.</summary>
    public string Sha256 { get; }

    public static string Hash(X509Certificate2 certificate) => Convert.ToHexStringLower(SHA256.HashData(certificate.RawDataMemory.Span));

    /// <summary>A new key, and a certificate that it signs itself.</summary>
    public static CertificateDocument Make()
    {
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        using var certificate = new CertificateRequest("CN=slowrun", key, HashAlgorithmName.SHA256).CreateSelfSigned(Begin, End);
        return new CertificateDocument
        {
            Certificate = Convert.ToBase64String(certificate.RawDataMemory.Span),
            PrivateKey = Convert.ToBase64String(key.ExportPkcs8PrivateKey()),
        };
    }

    /// <exception cref="FormatException">Not base64.</exception>
    /// <exception cref="CryptographicException">No certificate, no key, or the key of another certificate.</exception>
    /// <exception cref="ArgumentException">Likewise.</exception>
    public static ClusterCertificate Of(CertificateDocument document)
    {
        using var key = ECDsa.Create();
        key.ImportPkcs8PrivateKey(Convert.FromBase64String(document.PrivateKey), out _);
        using var certificate = X509CertificateLoader.LoadCertificate(Convert.FromBase64String(document.Certificate));
        return new ClusterCertificate(certificate.CopyWithPrivateKey(key));
    }
}
