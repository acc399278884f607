namespace Slowrun.Core.Recipes;

/// <summary>In which order a data epoch's rows are trained on. Each is one of upstream's loaders.</summary>
public enum DataOrderRule
{
    /// <summary>Rows are cut in the file's order; each epoch shuffles them anew (record 9).</summary>
    Sequences,

    /// <summary>
    /// As <see cref="Sequences"/>, but the rows beyond whole micro-steps are left out after the shuffle: others in each epoch (record 12,
    /// for rows that are given).
    /// </summary>
    AllSequences,

    /// <summary>Each epoch shuffles the documents, on top of the epoch before, cuts rows of them, and shuffles these (record 12).</summary>
    Documents,

    /// <summary>Rows are cut and shuffled once, and shuffled again on top of it in each epoch (record 12 without document
    /// shuffle).</summary>
    Rows,

    /// <summary>As <see cref="Documents"/>, the same for every seed, and the first epoch's documents in the file's order (the 1-hour
    /// track).</summary>
    TrackDocuments,

    /// <summary>Rows are shuffled once; each epoch shuffles whole micro-steps, on top of the epoch before (the 1-hour track).</summary>
    TrackRows,

    /// <summary>As <see cref="Rows"/>, but cut to whole micro-steps after the first shuffle, and with the plain seed (record 12's
    /// validation).</summary>
    Evaluation,
}
