using Slowrun.Clustering.Membership;
using Slowrun.Core;

namespace Slowrun.Fleet.Chaos.Leftovers;

/// <summary>What a chaos notes in the store before it makes anything there: what is left of it if it is interrupted.</summary>
/// <param name="Process">The chaos.</param>
/// <param name="Host">Its machine, for people.</param>
/// <param name="Runs">The names of its runs, whether it has made them or not; empty: it makes none.</param>
/// <param name="CacheFolder">A folder of its machine; null: it has none of its own.</param>
public sealed record ChaosMark(ProcessIdentity Process, string Host, IReadOnlyList<string> Runs, string? CacheFolder) : ExtensibleRecord
{
    /// <summary>Without a sign for so long, a chaos of another machine counts as gone: it gives one every 10 s.</summary>
    public static readonly TimeSpan GoneAfter = TimeSpan.FromMinutes(1);

    /// <summary>A process of this machine is looked up; of another one there is only its last sign.</summary>
    /// <param name="silence">Since its last sign, by the store's clock.</param>
    public bool IsUnderWay(TimeSpan silence) => Process.IsOfThisMachine ? !Process.IsGone() : silence < GoneAfter;

    /// <summary>
    /// Whether a run of one of its names is its own: a chaos makes its runs while it gives signs, and makes none of a name that is taken. A
    /// run that was submitted later is another's, who has used the name again.
    /// </summary>
    /// <param name="submittedAt">By the store's clock; null: the run was not made completely, or is deleted in part.</param>
    /// <param name="lastSign">Of the chaos, by the store's clock.</param>
    public static bool IsOwn(DateTimeOffset? submittedAt, DateTimeOffset lastSign) =>
        submittedAt is not { } at || at - lastSign < GoneAfter;
}
