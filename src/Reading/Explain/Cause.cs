namespace Slowrun.Reading.Explain;

/// <summary>One thing that keeps a run or a stage from going on, or from ending.</summary>
/// <param name="Kind">For programs, in kebab case.</param>
/// <param name="Stages">The stages that it holds up; empty: the run as a whole.</param>
/// <param name="Text">The state and what it means, in sentences.</param>
/// <param name="Command">The command that changes it; null: it changes with time, or no command can.</param>
public sealed record Cause(string Kind, IReadOnlyList<string> Stages, string Text, string? Command = null);
