using Slowrun.Core;

namespace Slowrun.Grains.Interfaces;

/// <summary>What a silo's slot loop asks the run grain at a look.</summary>
/// <param name="Silo">Its address as <c>SiloAddress.ToParsableString</c> writes it.</param>
/// <param name="FreeSlots">How many pieces of work it could take at most.</param>
public sealed record RunQuestion(string Silo, int FreeSlots) : ExtensibleRecord
{
    /// <summary>What it has been told already; null: nothing, or the store told it.</summary>
    public NewsVersion? Has { get; init; }

    /// <summary>The version of the cluster's membership that it has seen.</summary>
    public long MembershipVersion { get; init; }

    /// <summary>What it last heard of the orders' bell; null: nothing.</summary>
    public string? Bell { get; init; }

    /// <summary>Work that it knows to be other than when it last asked: ended here, or refused.</summary>
    public IReadOnlyList<string> Changed { get; init; } = [];

    /// <summary>Whether it has mended documents of the run.</summary>
    public bool Mended { get; init; }

    /// <summary>Ready work that it leaves alone for now.</summary>
    public IReadOnlyList<string> NotMine { get; init; } = [];

    /// <summary>Work of the run that is under way on it.</summary>
    public IReadOnlyList<string> AtWork { get; init; } = [];

    /// <summary>Whether it stops: what it is at, judging above all, is another's. Of an older build: false.</summary>
    public bool Stops { get; init; }
}

/// <summary>How much of a reader's news somebody has.</summary>
/// <param name="Reader">One activation of the run grain; another one counts anew.</param>
public sealed record NewsVersion(string Reader, long Number) : ExtensibleRecord;
