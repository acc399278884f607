namespace Slowrun.Reading.Explain;

/// <summary>One thing that keeps a run or a stage from going on, or from ending.</summary>
/// <param name="Kind">For programs, in kebab case.</param>
/// <param name="Stages">What it keeps; empty: the run as a whole.</param>
/// <param name="Text">What is the case and what it means, in sentences.</param>
/// <param name="Command">What changes it; null: time does, or something that no command can.</param>
public sealed record Cause(string Kind, IReadOnlyList<string> Stages, string Text, string? Command = null);
