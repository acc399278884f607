namespace Slowrun.Core.Stages;

/// <summary>Something a user would want to know of in the morning, with its cause.</summary>
/// <param name="Kind">One word in kebab case, for machines: <c>stage-taken</c>, <c>owner-lost</c>, <c>checkpoint-damaged</c>, …</param>
/// <param name="Message">One sentence, for people.</param>
public sealed record RunEvent(DateTimeOffset At, string Kind, string? Stage, string Message);
