namespace Slowrun.Web.Api;

/// <param name="Every">Between two looks at a run that somebody follows.</param>
internal sealed record StreamPace(TimeSpan Every);
