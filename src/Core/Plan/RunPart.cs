using System.Globalization;

namespace Slowrun.Core.Plan;

/// <summary>A run, one stage of it, or one of its chains: what a user orders something of.</summary>
public sealed record RunPart(string Run, StageId? Stage = null, int? Chain = null)
{
    /// <summary>How a chain is called, before its number.</summary>
    public const string ChainWord = "chain";

    public bool IsWhole => Stage is null && Chain is null;

    /// <summary>Whether a stage of its run is meant.</summary>
    public bool Has(StageId id) => (Stage is null || Stage == id) && (Chain is null || Chain == id.Chain);

    public override string ToString() =>
        Stage is { } stage ? $"{Run}/{stage}"
        : Chain is { } chain ? string.Create(CultureInfo.InvariantCulture, $"{Run}/{ChainWord}{chain}")
        : Run;
}
