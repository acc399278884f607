using Slowrun.Core;

namespace Slowrun.Clustering.Security;

/// <summary>
/// The certificate by which silos and clients of a store recognize each other, with its private key: only readers of the store can talk to
/// its silos.
/// </summary>
internal sealed record CertificateDocument : ExtensibleRecord
{
    public const int CurrentFormat = 1;

    public int Format { get; init; } = CurrentFormat;

    /// <summary>X.509, DER in base64.</summary>
    public required string Certificate { get; init; }

    /// <summary>PKCS #8, DER in base64.</summary>
    public required string PrivateKey { get; init; }

    /// <summary>SHA-256 of the certificate before this one, which is accepted beside it; null: none is.</summary>
    public string? PreviousSha256 { get; init; }
}
