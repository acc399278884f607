namespace Slowrun.Core;

/// <summary>What was asked for contradicts itself or the things that it names. The message says what was found, what was expected, and what
/// to ask for instead.</summary>
public sealed class InvalidRequestException(string message, Exception? inner = null) : Exception(message, inner);
