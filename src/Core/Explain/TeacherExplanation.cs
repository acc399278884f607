using Slowrun.Core.Recipes;

namespace Slowrun.Core.Explain;

/// <summary>Another run's ensemble that teaches.</summary>
/// <param name="Models">One a member, or as many as its snapshot holds.</param>
/// <param name="ParametersEach">Of one model.</param>
public sealed record TeacherExplanation(string Run, EnsembleAverage Average, int Members, int Models, long ParametersEach)
{
    internal static TeacherExplanation Of(TeacherRecipe teacher) =>
        new(
            teacher.Run,
            teacher.Average,
            teacher.Members.Count,
            teacher.Members.Sum(member => member.Models),
            ParameterCounts.Of(teacher.Model).Total
        );
}
