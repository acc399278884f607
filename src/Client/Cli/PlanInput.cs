namespace Slowrun.Client.Cli;

/// <summary>A number that a plan rests on.</summary>
/// <param name="From">A flag, a file, a run, or an assumption.</param>
/// <param name="Change">The option that changes it.</param>
internal sealed record PlanInput(string Name, string Value, string From, string Change);
