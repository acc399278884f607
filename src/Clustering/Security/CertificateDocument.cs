using Slowrun.Core;

namespace Slowrun.Clustering.Security;

/// <summary>
/// The certificate that silos and clients of a store know each other by, with its private key: whoever may read the store may speak to its
/// silos, and nobody else.
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
