namespace Slowrun.Silo.Preemption;

/// <summary>Whose announcements a silo obeys.</summary>
internal enum Platform
{
    /// <summary>Whichever of the others the machine turns out to be of.</summary>
    Auto,
    Aws,
    Azure,
    Gcp,
}
