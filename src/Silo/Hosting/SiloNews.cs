namespace Slowrun.Silo.Hosting;

/// <summary>What happened to another silo.</summary>
internal enum SiloNews
{
    Joined,

    /// <summary>It left in order.</summary>
    Left,

    Died,
}
