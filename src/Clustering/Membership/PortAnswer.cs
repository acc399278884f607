namespace Slowrun.Clustering.Membership;

/// <summary>What came of trying to connect to a silo's port.</summary>
public enum PortAnswer
{
    /// <summary>Something accepts connections there.</summary>
    Accepts,

    /// <summary>The machine answers, and nothing listens there; or a firewall says so.</summary>
    Refuses,

    /// <summary>Nothing came back in time, or the network says that there is no way.</summary>
    Silent,
}
