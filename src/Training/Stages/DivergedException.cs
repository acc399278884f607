namespace Slowrun.Training.Stages;

/// <summary>
/// A training has left the finite numbers. On a device that repeats its bits the same step ends in the same way each time: trying again
/// cannot help, only another recipe can.
/// </summary>
public sealed class DivergedException(string message, Exception? inner = null) : Exception(message, inner);
