namespace Slowrun.Training;

/// <summary>The engine's numbers.</summary>
public static class Engine
{
    /// <summary>
    /// Raised whenever the same recipe, data and machine would give other bytes than before: a stage that has begun under another
    /// revision is not gone on with. A golden hash in the tests says when.
    /// </summary>
    public const int Revision = 3;
}
