namespace Slowrun.Core.Stages;

/// <summary>
/// When a run was submitted, by the store's clock: the document at <c>runs/NAME/submitted</c>. A file's own time is another one as soon as
/// the store is copied.
/// </summary>
public sealed record RunSubmission(DateTimeOffset At) : ExtensibleRecord;
