namespace Slowrun.Core.Stages;

/// <summary>A failure or delay that a silo sees at its store now. Silos report it to callers of status: where the store cannot be written,
/// only the silo's log has it besides.</summary>
/// <param name="Work">What was to be done.</param>
/// <param name="ObjectName">The object, or the prefix of a list, that it happened with last.</param>
/// <param name="Message">The last error, or how slow it is, for people.</param>
/// <param name="Since">When it began.</param>
/// <param name="At">When it happened last.</param>
/// <param name="Times">How often it happened since then.</param>
public sealed record StoreTrouble(StoreWork Work, string ObjectName, string Message, DateTimeOffset Since, DateTimeOffset At, int Times)
    : ExtensibleRecord
{
    /// <summary>Nothing failed: it takes too long.</summary>
    public bool IsSlow { get; init; }
}

/// <summary>Kinds of work that a store may fail at while it does the others: a full one still reads.</summary>
public enum StoreWork
{
    Read,
    List,

    /// <summary>Writes a document.</summary>
    Write,

    /// <summary>Writes something big: a checkpoint's part, a snapshot, a vector.</summary>
    Upload,
    Delete,
}
