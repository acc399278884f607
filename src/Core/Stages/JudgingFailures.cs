namespace Slowrun.Core.Stages;

/// <summary>
/// The failed tries of scoring and averaging of a run: the document at <c>runs/NAME/judging</c>. Scores have no owner, so every silo counts
/// its failed tries here, by compare-and-swap.
/// </summary>
public sealed record JudgingFailures : ExtensibleRecord
{
    /// <summary>The key of the ensemble, beside those of the stages (<c>chain0/stage1</c>).</summary>
    public const string Ensemble = "ensemble";

    public IReadOnlyDictionary<string, JudgingFailure> Of { get; init; } = new Dictionary<string, JudgingFailure>();

    /// <summary>These failures with one more failed try.</summary>
    /// <param name="what">A stage's id, or <see cref="Ensemble"/>.</param>
    /// <param name="subject">See <see cref="JudgingFailure.Subject"/>: tries of another one do not count.</param>
    /// <param name="failure">What users see if this was the last try.</param>
    /// <param name="budget">Tries after which the work is given up.</param>
    public JudgingFailures Count(string what, string subject, StageFailure failure, int budget)
    {
        ArgumentNullException.ThrowIfNull(failure);
        var before =
            Of.TryGetValue(what, out var known) && known.Subject == subject && known.Failure.Retry == failure.Retry ? known.Tries : 0;
        var counted = new JudgingFailure(subject, before + 1, failure, GivenUp: failure.Repeats || before + 1 >= budget);
        return this with { Of = new Dictionary<string, JudgingFailure>(Of) { [what] = counted } };
    }

    public bool Equals(JudgingFailures? other) => ContentEquality.Same(this, other);

    public override int GetHashCode() => ContentEquality.Hash(this);
}

/// <summary>Failed tries of scoring one snapshot, or of one average.</summary>
/// <param name="Subject">The snapshot's SHA-256; of an ensemble, the hash of its members' snapshots.</param>
/// <param name="Failure">The last one's.</param>
/// <param name="GivenUp">No silo tries again until the user asks for a retry.</param>
public sealed record JudgingFailure(string Subject, int Tries, StageFailure Failure, bool GivenUp) : ExtensibleRecord;
