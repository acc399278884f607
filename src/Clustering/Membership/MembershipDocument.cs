using Slowrun.Core;

namespace Slowrun.Clustering.Membership;

/// <summary>
/// The whole membership table as one document, replaced by compare-and-swap. Its etags are logical, not the store's: a heartbeat replaces
/// the document too, and must not make Orleans' next update fail.
/// </summary>
internal sealed record MembershipDocument : ExtensibleRecord
{
    public const int CurrentFormat = 1;

    public int Format { get; init; } = CurrentFormat;

    /// <summary>The cluster's id, random, given by the first silo; null: written by a version that had none.</summary>
    public string? ClusterId { get; init; }

    /// <summary>Where Orleans' rows stand, as <see cref="ClusterPlace"/> writes it; null: here. Where they stand elsewhere, the rows here
    /// hold what those have no room for.</summary>
    public string? Clustering { get; init; }

    /// <summary>Orleans' table version: one more with every logical change.</summary>
    public int Version { get; init; }

    /// <summary>
    /// Write id of the last logical change, and the table version's etag. Random, so that a writer whose success was reported as a lost
    /// race (the answer was lost, the retry found its own write) recognizes it.
    /// </summary>
    public string WriteId { get; init; } = "0";

    public IReadOnlyList<MembershipRow> Rows { get; init; } = [];

    public MembershipRow? Find(SiloAddress silo)
    {
        var text = silo.ToParsableString();
        return Rows.FirstOrDefault(row => row.Silo == text);
    }

    /// <summary>This document with one row in the place of another.</summary>
    public MembershipDocument With(MembershipRow old, MembershipRow changed) =>
        this with
        {
            Rows = [.. Rows.Select(row => ReferenceEquals(row, old) ? changed : row)],
        };
}
