using Slowrun.Core;

namespace Slowrun.Grains.Interfaces;

/// <summary>The question of a silo's slot loop to the run grain, once per look.</summary>
/// <param name="Silo">Its address as <c>SiloAddress.ToParsableString</c> writes it.</param>
/// <param name="FreeSlots">How many pieces of work it could take at most.</param>
public sealed record RunQuestion(string Silo, int FreeSlots) : ExtensibleRecord
{
    /// <summary>The version of the last answer; null: there was none, or the silo read the store itself.</summary>
    public NewsVersion? Has { get; init; }

    /// <summary>The version of the cluster's membership that it has seen.</summary>
    public long MembershipVersion { get; init; }

    /// <summary>The etag of the orders' bell that it last read; null: none.</summary>
    public string? Bell { get; init; }

    /// <summary>Work whose state it has changed since its last question: ended here, or refused.</summary>
    public IReadOnlyList<string> Changed { get; init; } = [];

    /// <summary>Whether it has mended documents of the run.</summary>
    public bool Mended { get; init; }

    /// <summary>Ready work that it leaves alone for now.</summary>
    public IReadOnlyList<string> NotMine { get; init; } = [];

    /// <summary>Work of the run that is under way on it.</summary>
    public IReadOnlyList<string> AtWork { get; init; } = [];

    /// <summary>Whether it stops: other silos may be handed its work, scoring above all. An older version sends false.</summary>
    public bool Stops { get; init; }
}

/// <summary>Which of a reader's answers a silo has.</summary>
/// <param name="Reader">One activation of the run grain; another one counts anew.</param>
public sealed record NewsVersion(string Reader, long Number) : ExtensibleRecord;
