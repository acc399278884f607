namespace Slowrun.Web.Api;

/// <param name="Every">Between two looks at a run that somebody follows.</param>
/// <param name="Time">By which that is measured.</param>
internal sealed record StreamPace(TimeSpan Every, TimeProvider Time);
