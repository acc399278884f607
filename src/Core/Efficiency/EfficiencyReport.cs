namespace Slowrun.Core.Efficiency;

/// <summary>How many times a run's data ordinary trainings need for the losses that it reached. Stored with the run as it was answered
/// last.</summary>
public sealed record EfficiencyReport : ExtensibleRecord
{
    public required string Run { get; init; }

    /// <summary>Of the run's data.</summary>
    public required string DataSha256 { get; init; }

    /// <summary>Of the run's recipe with its data: what the curves hold for.</summary>
    public required string RecipeSha256 { get; init; }

    /// <summary>D: of the run.</summary>
    public required long TrainTokens { get; init; }

    public required string Tokenizer { get; init; }

    public required BaselineSource Baseline { get; init; }

    /// <summary>Training tokens that there are for baselines, the run's own among them; null where none is trained.</summary>
    public long? CorpusTokens { get; init; }

    public required IReadOnlyList<EfficiencyCurve> Curves { get; init; }

    public required IReadOnlyList<ModelEfficiency> Models { get; init; }

    /// <summary>Baselines that were there before this question.</summary>
    public int KnownBaselines { get; init; }

    /// <summary>Baselines that the answer waits for: they are not trained yet.</summary>
    public IReadOnlyList<MissingBaseline> Missing { get; init; } = [];

    public bool Equals(EfficiencyReport? other) => ContentEquality.Same(this, other);

    public override int GetHashCode() => ContentEquality.Hash(this);
}

public enum BaselineSource
{
    /// <summary>Trained for this question, or for another one about the same data.</summary>
    Trained,

    /// <summary>The table of <see cref="UpstreamBaseline"/>.</summary>
    Upstream,
}

/// <param name="Points">Ascending in tokens.</param>
/// <param name="End">Why it has no further point.</param>
public sealed record EfficiencyCurve(BaselineKind Kind, IReadOnlyList<CurvePoint> Points, CurveEnd End) : ExtensibleRecord
{
    public bool Equals(EfficiencyCurve? other) => ContentEquality.Same(this, other);

    public override int GetHashCode() => ContentEquality.Hash(this);
}

public enum CurveEnd
{
    /// <summary>Its last point is as good as the run's best model.</summary>
    Reached,

    /// <summary>There is no more text.</summary>
    Corpus,

    /// <summary>No more points were asked for.</summary>
    Asked,

    /// <summary>The next point is not trained.</summary>
    Missing,

    /// <summary>A published table ends.</summary>
    Table,
}

/// <param name="Times">Tokens over the run's.</param>
/// <param name="Chosen">The candidate that is best on the fitness set; null in a published table.</param>
public sealed record CurvePoint(
    long Tokens,
    double Times,
    double LossNats,
    CurveCandidate? Chosen,
    IReadOnlyList<CurveCandidate> Candidates
) : ExtensibleRecord
{
    public bool Equals(CurvePoint? other) => ContentEquality.Same(this, other);

    public override int GetHashCode() => ContentEquality.Hash(this);
}

/// <param name="Run">In the store.</param>
public sealed record CurveCandidate(string Run, string Size, int Passes, double LearningRate, double? FitnessLossNats, double LossNats)
    : ExtensibleRecord;

public sealed record ModelEfficiency(string Name, double LossNats, IReadOnlyList<CurveFactor> Factors) : ExtensibleRecord
{
    /// <summary><see cref="JudgedModel.Members"/>; null also in reports of older versions.</summary>
    public int? Members { get; init; }

    public bool Equals(ModelEfficiency? other) => ContentEquality.Same(this, other);

    public override int GetHashCode() => ContentEquality.Hash(this);
}

/// <param name="Interval">Of 95 %; null where the model's or the curve's probabilities are not kept.</param>
public sealed record CurveFactor(BaselineKind Kind, DataFactor Factor, FactorInterval? Interval) : ExtensibleRecord;

public sealed record MissingBaseline(BaselineKind Kind, long Tokens, string Size, int Passes, string Run, string State) : ExtensibleRecord;
