using Slowrun.Core.Plan;
using Slowrun.Core.Recipes;

namespace Slowrun.Reading.Curves;

/// <summary>A stage's training loss, thinned out.</summary>
/// <param name="Steps">Of the whole stage.</param>
/// <param name="CurveSteps">The last step of the curve: the newest checkpoint's.</param>
/// <param name="FirstStep">The chain's steps before this stage.</param>
/// <param name="Points">The lowest and the highest value of each of a number of equal pieces, as [step, nats per token]; steps count from
/// 1.</param>
public sealed record StageCurve(
    StageId Stage,
    ChainRole Role,
    int Steps,
    int CurveSteps,
    int FirstStep,
    IReadOnlyList<IReadOnlyList<double>> Points
);
