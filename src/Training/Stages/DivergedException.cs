namespace Slowrun.Training.Stages;

/// <summary>
/// A loss, gradient or weight is not finite. On a device that repeats its bits the same step ends in the same way each time: a retry cannot
/// help, only another recipe.
/// </summary>
public sealed class DivergedException(string message, Exception? inner = null) : Exception(message, inner);
