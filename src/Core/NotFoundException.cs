namespace Slowrun.Core;

/// <summary>What was named does not exist. The message says what was named, what there is instead, and what to do.</summary>
public sealed class NotFoundException(string message, Exception? inner = null) : Exception(message, inner);
