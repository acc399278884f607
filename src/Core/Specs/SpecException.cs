namespace Slowrun.Core.Specs;

/// <summary>A spec cannot be used as it is; <see cref="Problems"/> are all its problems, not only the first.</summary>
public sealed class SpecException : Exception
{
    public SpecException(IReadOnlyList<SpecProblem> problems)
        : base(Text(problems)) => Problems = problems;

    public IReadOnlyList<SpecProblem> Problems { get; }

    private static string Text(IReadOnlyList<SpecProblem> problems) =>
        (problems.Count == 1 ? "The spec has a problem:" : $"The spec has {problems.Count} problems:")
        + string.Concat(problems.Select(problem => $"\n  {problem}"));
}
