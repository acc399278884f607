namespace Slowrun.Core.Stages;

/// <summary>The score of a snapshot before it is stored with its vector as a <see cref="MemberScore"/>.</summary>
public sealed record NewScore
{
    public required string SnapshotSha256 { get; init; }

    /// <summary>SHA-256 of the evaluation set's tokens.</summary>
    public required string SetSha256 { get; init; }

    public required int Rows { get; init; }

    public required string NumericsFingerprint { get; init; }

    /// <summary>Mean -ln p(target).</summary>
    public required double LossNats { get; init; }

    public required double BitsPerByte { get; init; }
}
