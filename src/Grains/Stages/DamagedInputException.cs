namespace Slowrun.Grains.Stages;

/// <summary>
/// An input of a stage is missing or damaged: not an error of the stage, and not cured by a retry. The stage waits until the object is
/// whole.
/// </summary>
internal sealed class DamagedInputException(string message, Exception? inner = null) : Exception(message, inner);
