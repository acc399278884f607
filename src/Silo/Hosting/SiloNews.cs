namespace Slowrun.Silo.Hosting;

/// <summary>What became of another silo.</summary>
internal enum SiloNews
{
    Joined,

    /// <summary>It said so before it went.</summary>
    Left,

    Died,
}
