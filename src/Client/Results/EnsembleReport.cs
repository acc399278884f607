using Slowrun.Core.Mixtures;
using Slowrun.Core.Recipes;
using Slowrun.Core.Stages;

namespace Slowrun.Client.Results;

/// <summary>The losses of a mixture, as <c>ensemble -o json</c> prints them.</summary>
internal sealed record EnsembleReport
{
    public required string Run { get; init; }

    public required EnsembleAverage Average { get; init; }

    public required double LossNats { get; init; }

    public required double BitsPerByte { get; init; }

    /// <summary>Targets of the validation set.</summary>
    public required long Tokens { get; init; }

    /// <summary>Where weights were learnt for this answer.</summary>
    public FittedChoice? Fitted { get; init; }

    /// <summary>All that were considered, in the ensemble's order.</summary>
    public required IReadOnlyList<ReportedMember> Members { get; init; }

    public static EnsembleReport Of(string run, ChosenMixture mixture, JudgedMixture judged) =>
        new()
        {
            Run = run,
            Average = mixture.Average,
            LossNats = judged.LossNats,
            BitsPerByte = judged.BitsPerByte,
            Tokens = mixture.Members[0].Score.Tokens,
            Fitted = mixture.Fitted,
            Members = [.. Reported(mixture, judged.WithoutNats)],
        };

    /// <summary>What the run itself has computed.</summary>
    public static EnsembleReport OfStored(string run, ChosenMixture mixture, EnsembleScore stored) =>
        new()
        {
            Run = run,
            Average = mixture.Average,
            LossNats = stored.LossNats,
            BitsPerByte = stored.BitsPerByte,
            Tokens = mixture.Members[0].Score.Tokens,
            Members = [.. Reported(mixture, null).Zip(stored.Running, (member, running) => member with { RunningNats = running })],
        };

    private static IEnumerable<ReportedMember> Reported(ChosenMixture mixture, IReadOnlyList<double?>? withoutNats)
    {
        var place = 0;
        foreach (var member in mixture.Members)
        {
            yield return new ReportedMember(
                member.Stage.ToString(),
                member.Snapshot.Sha256,
                member.Score.LossNats,
                member.Score.BitsPerByte,
                mixture.ShareOf(member),
                member.Weight > 0 ? withoutNats?[place++] : null
            );
        }
    }
}

/// <param name="LossNats">Alone.</param>
/// <param name="Weight">All members' together are 1; 0: left out.</param>
/// <param name="WithoutNats">Loss of the mixture of all others; null where there are none, and for those left out.</param>
internal sealed record ReportedMember(
    string Stage,
    string SnapshotSha256,
    double LossNats,
    double BitsPerByte,
    double Weight,
    double? WithoutNats
)
{
    /// <summary>Loss of the even average up to this member, where the run has computed it.</summary>
    public double? RunningNats { get; init; }
}
