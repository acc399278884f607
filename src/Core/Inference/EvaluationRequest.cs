using Slowrun.Core.Plan;

namespace Slowrun.Core.Inference;

/// <summary>What the client asks the silo's program to evaluate: a line of JSON on its input.</summary>
public sealed record EvaluationRequest
{
    public required string Run { get; init; }

    /// <summary>A finished stage, <c>chain0/stage1</c>.</summary>
    public required StageId Stage { get; init; }

    /// <summary>A prepared directory of this machine; null: <see cref="DataSha256"/> in the store.</summary>
    public string? DataDirectory { get; init; }

    public required string DataSha256 { get; init; }

    public required EvaluationSet Set { get; init; }

    /// <summary>As <c>--slots</c> of a silo names them.</summary>
    public string Device { get; init; } = "cpu";
}

public enum EvaluationSet
{
    Validation,
    Fitness,
    Train,
}

/// <summary>A line of the answer: how far it is, the last one with the result.</summary>
/// <param name="Judged">Targets so far.</param>
/// <param name="Tokens">Targets in all: every token of the set but the first.</param>
public sealed record EvaluationAnswer(long Judged, long Tokens)
{
    public double? LossNats { get; init; }

    public double? BitsPerByte { get; init; }
}
