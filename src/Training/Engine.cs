namespace Slowrun.Training;

/// <summary>The engine's numbers.</summary>
public static class Engine
{
    /// <summary>
    /// Raised whenever the same recipe, data and machine would give other bytes than before: a stage is not continued under another
    /// revision than it began with. A golden hash in the tests shows when the revision must be raised.
    /// </summary>
    public const int Revision = 4;
}
