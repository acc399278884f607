using Slowrun.Core.Stages;

namespace Slowrun.Storage.Checkpoints;

/// <summary>One stage's root document, wherever it is kept. Used by one caller at a time.</summary>
public interface IRootDocument
{
    /// <summary>The root as it is now; null where none was written yet.</summary>
    Task<StageRoot?> ReadAsync(CancellationToken cancellationToken = default);

    /// <summary>Replaces the root if it is still what this object last read or wrote (nothing, if it never did either).</summary>
    /// <exception cref="RootConflictException">It is not; perhaps because this write itself had succeeded and its answer was
    /// lost.</exception>
    Task WriteAsync(StageRoot root, CancellationToken cancellationToken = default);

    /// <summary>Ends when what is done behind the last write, which counts already, is done too. Does not fail.</summary>
    Task Behind => Task.CompletedTask;
}
