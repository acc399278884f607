namespace Slowrun.Web.Api;

/// <param name="Every">Between two reads of a run that a client follows.</param>
/// <param name="Time">By which that is measured.</param>
internal sealed record StreamPace(TimeSpan Every, TimeProvider Time);
