namespace Slowrun.Core;

/// <summary>What was asked for makes sense, and cannot be done now or here. The message says what stands in the way, and what to
/// do.</summary>
public sealed class NotPossibleException(string message, Exception? inner = null) : Exception(message, inner);
