namespace Slowrun.Grains.Placement;

/// <summary>A grain of this strategy is activated on the silo that the call names: <see cref="NamedSiloDirector"/>.</summary>
internal sealed class NamedSilo : PlacementStrategy;
