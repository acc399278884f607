using System.ComponentModel.DataAnnotations;

namespace Slowrun.Core.Recipes;

/// <summary>Attention windows up to a data epoch (the 2-hour track's window schedule; its rescaling of positions is
/// <see cref="ModelRecipe.Yarn"/>).</summary>
/// <param name="UntilEpoch">The last data epoch of the phase, counted from 1.</param>
public sealed record WindowPhase(
    [property: Range(1, 100_000)] int UntilEpoch,
    [property: Range(1, 65_536)] int ShortWindow,
    [property: Range(1, 65_536)] int LongWindow
);
