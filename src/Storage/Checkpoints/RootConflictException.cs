namespace Slowrun.Storage.Checkpoints;

/// <summary>A root was not what it was when last read. The catcher reads again, and compares write ids.</summary>
public sealed class RootConflictException(string message, Exception? inner = null) : Exception(message, inner);
