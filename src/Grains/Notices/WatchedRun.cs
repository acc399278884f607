using Slowrun.Core.Recipes;

namespace Slowrun.Grains.Notices;

/// <summary>A run with receivers, as a silo knows it. Its users lock it.</summary>
internal sealed class WatchedRun(DateTimeOffset? submittedAt, TimeProvider time)
{
    /// <summary>Tells a run from a later one of the same name.</summary>
    public DateTimeOffset? SubmittedAt => submittedAt;

    public NoticeWatch Watch { get; } = new(time);

    /// <summary>The receivers as they are now.</summary>
    public IReadOnlyList<NotifyTarget> Targets { get; set; } = [];

    /// <summary>Notices, by id and receiver's URL, that this silo sends or has found settled: none of them is looked at again.</summary>
    public HashSet<(string Id, string Url)> Begun { get; } = [];
}
