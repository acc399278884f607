namespace Slowrun.Training.Models;

/// <summary>What distinguishes one layer's attention from another's, besides weights.</summary>
/// <param name="Window">A query sees this many keys before its own.</param>
/// <param name="KeyOffset">Half of each key is that of the token before.</param>
/// <param name="Xsa">Exclusive self-attention.</param>
/// <param name="Rotary">The positions of the pass.</param>
internal readonly record struct AttentionLayer(int Window, bool KeyOffset, bool Xsa, RotaryPhase Rotary);
