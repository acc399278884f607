namespace Slowrun.Clustering.Membership;

/// <summary>Whether something would be lost if this silo were lost now.</summary>
public interface IWorkload
{
    bool IsUnderWay { get; }

    /// <summary>Whether this silo knows of work that is under way on another one.</summary>
    bool IsUnderWayElsewhere { get; }
}
