namespace Slowrun.Core.Stages;

/// <summary>
/// A snapshot judged on one evaluation set. Created if absent; the key in its name (snapshot, set, shape, fingerprint) says what the
/// bytes depend on, so it needs no fence.
/// </summary>
public sealed record MemberScore : ExtensibleRecord
{
    public required string SnapshotSha256 { get; init; }

    /// <summary>SHA-256 of the evaluation set's tokens.</summary>
    public required string SetSha256 { get; init; }

    public required int Rows { get; init; }

    public required string NumericsFingerprint { get; init; }

    /// <summary>Targets scored: every token of the set but the first, exactly once.</summary>
    public required long Tokens { get; init; }

    /// <summary>Mean -ln p(target).</summary>
    public required double LossNats { get; init; }

    public required double BitsPerByte { get; init; }

    /// <summary>Object of <see cref="Tokens"/> float32 values p(target), as safetensors with one tensor <c>p</c>.</summary>
    public required string Vector { get; init; }

    public required string VectorXxHash128 { get; init; }
}
