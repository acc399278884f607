using Slowrun.Core.Plan;
using Slowrun.Storage.Runs;

namespace Slowrun.Storage.Checkpoints;

/// <summary>The roots among a run's documents.</summary>
public static class RootDocuments
{
    /// <summary>The stage's root as a document of the store, for one owner's use.</summary>
    public static IRootDocument Root(this RunDocuments documents, StageId stage)
    {
        ArgumentNullException.ThrowIfNull(documents);
        return new StoreRootDocument(documents.Store, RunPaths.Root(documents.Run, stage));
    }
}
