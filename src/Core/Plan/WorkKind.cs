namespace Slowrun.Core.Plan;

/// <summary>What a slot can be used for.</summary>
public enum WorkKind
{
    /// <summary>The score of a finished stage's snapshot.</summary>
    Score,

    /// <summary>The ensemble of all members scored so far.</summary>
    Average,

    /// <summary>A stage, which needs an owner.</summary>
    Train,
}
