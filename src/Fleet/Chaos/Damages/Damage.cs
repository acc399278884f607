using System.Text.RegularExpressions;

namespace Slowrun.Fleet.Chaos.Damages;

/// <summary>A damage: the old content, the new one, and the outcome.</summary>
/// <param name="Number">Of the disturbance.</param>
/// <param name="Other">The object that it was swapped with; null: none.</param>
/// <param name="At">When, by the clock that events are dated with.</param>
internal sealed record Damage(
    int Number,
    DamageForm Form,
    string Kind,
    DamagedObject Object,
    DamagedObject? Other,
    double AtSeconds,
    DateTimeOffset At
)
{
    public DamageOutcome Outcome { get; set; }

    /// <summary>Until the outcome.</summary>
    public double? Seconds { get; set; }

    /// <summary>The message about it; null: none.</summary>
    public string? Told { get; set; }

    public IEnumerable<DamagedObject> Objects => Other is null ? [Object] : [Object, Other];

    /// <summary>Whether a message names one of the objects, whole: <c>…/root</c> is not <c>…/root.copy</c>.</summary>
    public bool IsNamedIn(string message) =>
        Objects.Any(one => Regex.IsMatch(message, $@"{Regex.Escape(one.Name)}(?![A-Za-z0-9_@/-]|\.[A-Za-z0-9])"));
}

/// <param name="Good">What was there.</param>
/// <param name="Bad">What was put there; null: nothing.</param>
/// <param name="Place">Where it lies.</param>
internal sealed record DamagedObject(string Name, byte[] Good, byte[]? Bad, IDamagePlace Place);
