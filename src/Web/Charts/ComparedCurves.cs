using Slowrun.Reading.Curves;

namespace Slowrun.Web.Charts;

/// <summary>The curves of one of the runs that are compared.</summary>
public sealed record ComparedCurves(string Run, IReadOnlyList<StageCurve> Curves);
